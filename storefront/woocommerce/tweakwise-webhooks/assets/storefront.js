/*
 * Makes the key of a visitor who agreed, reports to the shop what this page shows, and hands the key to the page.
 *
 * Offers to the page:
 *   window.tweakwiseProfileKey                  the key for Tweakwise's tn_profilekey, once there is one
 *   document event "tweakwise:profile-key"      the key has come or gone; detail.key is the key or ""
 *   window.tweakwiseWebhooks.consent( given )   the page's own banner says yes (true) or no (false)
 *   window.tweakwiseWebhooks.send( what )       something happened without a new page:
 *                                               { event: 'search', term: 'shoes' } or { event: 'pageview', product_id: 12 }
 *                                               or { event: 'addtowishlist', product_id: 12 }
 * A banner that may run before this script sets window.tweakwiseConsent = true instead.
 *
 * Optimisers defer, delay and reorder scripts: no order of loading is relied on.
 */
( function () {
	'use strict';

	const config = window.tweakwiseWebhooksConfig;
	if ( ! config || window.tweakwiseWebhooks ) {
		return;
	}

	const KEY = /^[A-Za-z0-9._$=-]{1,128}$/; // as the shop and the receiver accept it
	const WAVER = 1000; // milliseconds in which a yes after a no takes up the same key
	const MOST_HELD = 20; // events of a page that wait until consent is known
	const NOT_FOLLOWED = [ 'off', 'staff', 'bot' ]; // the shop's reasons that hold for the whole page

	let allowed; // undefined until it is known
	let isFollowed = true;
	let held = isShownAnew() && config.event ? [ config.event ] : [];
	let dropped = { key: '', at: 0 };
	let requests = new AbortController();

	// A page that the back button shows again was reported when it was new.
	function isShownAnew() {
		const [ navigation ] = performance.getEntriesByType( 'navigation' );
		return ! navigation || 'back_forward' !== navigation.type;
	}

	// Cookies.

	function cookie( name ) {
		const entry = document.cookie.split( '; ' ).find( ( part ) => part.startsWith( name + '=' ) );
		return entry ? entry.slice( name.length + 1 ) : '';
	}

	function setCookie( name, value, life, path = config.cookiePath ) {
		const domain = config.cookieDomain ? '; domain=' + config.cookieDomain : '';
		const secure = 'https:' === location.protocol ? '; secure' : '';
		document.cookie = name + '=' + value + '; max-age=' + life + '; path=' + path + domain + secure + '; samesite=lax';
	}

	// A site in a folder also gets the cookies of the site above it.
	function deleteCookie( name ) {
		setCookie( name, '', 0 );
		setCookie( name, '', 0, '/' );
	}

	function knownKey() {
		const key = cookie( config.keyCookie );
		return KEY.test( key ) ? key : '';
	}

	// The key.

	function makeKey() {
		if ( dropped.key && Date.now() - dropped.at < WAVER ) {
			return dropped.key;
		}
		const bytes = Array.from( crypto.getRandomValues( new Uint8Array( 16 ) ) );
		return bytes.map( ( byte ) => byte.toString( 16 ).padStart( 2, '0' ) ).join( '' );
	}

	// Tabs that are opened at once find or make the same key, one after another. "" where cookies are refused.
	function findKey() {
		function find() {
			if ( allowed && ! knownKey() ) {
				setCookie( config.keyCookie, makeKey(), config.keyLife );
			}
			return allowed ? knownKey() : '';
		}
		return knownKey() || ! navigator.locks ? Promise.resolve( find() ) : navigator.locks.request( config.keyCookie, find );
	}

	function offer( key ) {
		if ( key === ( window.tweakwiseProfileKey || '' ) ) {
			return;
		}
		window.tweakwiseProfileKey = key;
		document.dispatchEvent( new CustomEvent( 'tweakwise:profile-key', { detail: { key } } ) );
	}

	// An account's key comes with the shop's answer: until then a key that was made here would be another profile.
	function mayOffer( isNew ) {
		return ! isNew || ( document.body && ! document.body.classList.contains( 'logged-in' ) );
	}

	// Events.

	function ask( what ) {
		const isNew = ! knownKey();
		return findKey().then( ( key ) => {
			if ( ! key ) {
				return null;
			}
			if ( mayOffer( isNew ) ) {
				offer( key );
			}
			return post( what );
		} );
	}

	function post( what ) {
		return fetch( config.endpoint, {
			method: 'POST',
			credentials: 'same-origin',
			cache: 'no-store',
			keepalive: true, // the visitor may leave the page at once
			signal: requests.signal,
			headers: { 'Content-Type': 'application/json' },
			body: JSON.stringify( Object.assign( { locale: config.locale }, what ) ),
		} )
			.then( ( response ) => response.json() )
			.then( ( answer ) => {
				isFollowed = ! NOT_FOLLOWED.includes( answer.reason );
				if ( ! allowed || ! isFollowed || 'no_consent' === answer.reason ) {
					disallow();
				} else {
					offer( knownKey() ); // the shop may have set the account's
				}
				return answer;
			} )
			.catch( ( error ) => {
				if ( 'AbortError' === error.name && what === config.event ) {
					held = [ what ]; // for a yes that follows the no
				}
				return null; // the shop must not suffer from this
			} );
	}

	function send( what ) {
		if ( 'wp_consent_api' === config.consent ) {
			askConsentApi();
		}
		if ( allowed ) {
			return ask( what );
		}
		if ( undefined === allowed ) {
			held = held.concat( what ).slice( 0, MOST_HELD );
		}
		return Promise.resolve( null );
	}

	// Consent.

	function allow() {
		if ( allowed || ! isFollowed ) {
			return;
		}
		allowed = true;
		const waiting = held;
		const key = knownKey();
		held = [];
		if ( key ) {
			offer( key );
		}
		if ( ! waiting.length && ( ! key || ( config.sessionCookie && ! cookie( config.sessionCookie ) ) ) ) {
			waiting.push( { event: 'visit' } );
		}
		waiting.reduce( ( before, what ) => before.then( () => ask( what ) ), Promise.resolve() );
	}

	// A yes may follow on the same page: what the page shows is reported then, if it was not.
	function disallow() {
		const key = knownKey();
		if ( key ) {
			dropped = { key, at: Date.now() };
		}
		allowed = false;
		requests.abort(); // an answer would set the cookie again
		requests = new AbortController();
		deleteCookie( config.keyCookie );
		deleteCookie( config.sessionCookie || 'tweakwise_session' );
		offer( '' );
	}

	function consent( given ) {
		if ( given ) {
			allow();
		} else {
			disallow();
		}
	}

	// https://wordpress.org/plugins/wp-consent-api/ : until the kind of consent is known there is no answer.
	function askConsentApi() {
		const undecided = window.waitfor_consent_hook && ! window.wp_consent_type;
		let given;
		if ( 'function' !== typeof window.wp_has_consent || undecided ) {
			return;
		}
		try {
			given = window.wp_has_consent( config.category ) && ! ( window.wp_is_service_denied && window.wp_is_service_denied( config.service ) );
		} catch ( error ) {
			return; // its settings are not there yet
		}
		// While the page loads, a banner may still say that consent is not needed here.
		if ( given || allowed || 'complete' === document.readyState ) {
			consent( given );
		}
	}

	function watchConsentApi() {
		[ 'wp_listen_for_consent_change', 'wp_consent_api_status_change_service', 'wp_consent_type_defined', 'DOMContentLoaded', 'visibilitychange' ].forEach( ( name ) => {
			document.addEventListener( name, askConsentApi );
		} );
		[ 'load', 'pageshow' ].forEach( ( name ) => window.addEventListener( name, askConsentApi ) );
		// Of the API's own script, whenever it comes: "load" of an element does not bubble.
		document.addEventListener( 'load', ( event ) => 'SCRIPT' === event.target.nodeName && askConsentApi(), true );
		askConsentApi();
	}

	function start() {
		if ( 'always' === config.consent ) {
			allow();
		} else if ( 'page' === config.consent ) {
			if ( 'boolean' === typeof window.tweakwiseConsent ) {
				consent( window.tweakwiseConsent );
			} else if ( undefined === allowed && knownKey() ) {
				allow(); // there is a key only where consent was given
			}
		} else {
			watchConsentApi();
		}
	}

	window.tweakwiseWebhooks = { consent, send };
	window.addEventListener( 'pageshow', ( event ) => event.persisted && allowed && offer( knownKey() ) );

	// A page that the browser loads ahead of time is not shown yet.
	if ( document.prerendering ) {
		document.addEventListener( 'prerenderingchange', start, { once: true } );
	} else {
		start();
	}
} )();
