/*
 * Reports to the shop what this page shows, and to the page which profile key the visitor has.
 *
 * Offers to the page:
 *   window.tweakwiseProfileKey                  the key for Tweakwise's tn_profilekey, once there is one
 *   document event "tweakwise:profile-key"      the key has come or gone; detail.key is the key or ""
 *   window.tweakwiseWebhooks.consent( given )   the page's own banner says yes (true) or no (false)
 *   window.tweakwiseWebhooks.send( what )       something happened without a new page:
 *                                               { event: 'search', term: 'shoes' } or { event: 'pageview', product_id: 12 }
 * A banner that may run before this script sets window.tweakwiseConsent = true instead.
 */
( function () {
	'use strict';

	const config = window.tweakwiseWebhooksConfig;
	if ( ! config || window.tweakwiseWebhooks ) {
		return;
	}

	let allowed = false;
	let pageEvent = config.event;

	function cookie( name ) {
		const entry = document.cookie.split( '; ' ).find( ( part ) => part.startsWith( name + '=' ) );
		return entry ? decodeURIComponent( entry.slice( name.length + 1 ) ) : '';
	}

	function forget( name ) {
		const domain = config.cookieDomain ? '; domain=' + config.cookieDomain : '';
		document.cookie = name + '=; max-age=0; path=' + config.cookiePath + domain;
	}

	function offer( key ) {
		if ( key === ( window.tweakwiseProfileKey || '' ) ) {
			return;
		}
		window.tweakwiseProfileKey = key;
		document.dispatchEvent( new CustomEvent( 'tweakwise:profile-key', { detail: { key } } ) );
	}

	function ask( what ) {
		return fetch( config.endpoint, {
			method: 'POST',
			credentials: 'same-origin',
			cache: 'no-store',
			keepalive: true, // the visitor may leave the page at once
			headers: { 'Content-Type': 'application/json' },
			body: JSON.stringify( Object.assign( { locale: config.locale }, what ) ),
		} )
			.then( ( response ) => response.json() )
			.then( ( answer ) => {
				if ( allowed ) {
					offer( answer.key || window.tweakwiseProfileKey || '' );
				} else {
					disallow(); // consent was withdrawn while the shop answered, with a cookie
				}
				return answer;
			} )
			.catch( () => null ); // the shop must not suffer from this
	}

	function allow() {
		if ( allowed ) {
			return;
		}
		allowed = true;
		const key = cookie( config.keyCookie );
		offer( key );
		if ( pageEvent ) {
			ask( pageEvent );
			pageEvent = null; // once for each page, also when consent is given twice
		} else if ( ! key || ( config.sessionCookie && ! cookie( config.sessionCookie ) ) ) {
			ask( { event: 'visit' } );
		}
	}

	function disallow() {
		allowed = false;
		forget( config.keyCookie );
		forget( config.sessionCookie || 'tweakwise_session' );
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
		if ( typeof window.wp_has_consent === 'function' && ! undecided ) {
			consent( window.wp_has_consent( config.category ) );
		}
	}

	function start() {
		if ( config.consent === 'always' ) {
			allow();
		} else if ( config.consent === 'page' ) {
			if ( typeof window.tweakwiseConsent === 'boolean' ) {
				consent( window.tweakwiseConsent );
			} else if ( cookie( config.keyCookie ) ) {
				allow(); // there is a key only where consent was given
			}
		} else {
			document.addEventListener( 'wp_listen_for_consent_change', askConsentApi );
			document.addEventListener( 'wp_consent_type_defined', askConsentApi );
			askConsentApi();
		}
	}

	window.tweakwiseWebhooks = {
		consent,
		send: ( what ) => ( allowed ? ask( what ) : Promise.resolve( null ) ),
	};

	function whenReady() {
		if ( document.readyState === 'loading' ) {
			document.addEventListener( 'DOMContentLoaded', start );
		} else {
			start();
		}
	}

	// A page that the browser loads ahead of time is not shown yet.
	if ( document.prerendering ) {
		document.addEventListener( 'prerenderingchange', whenReady, { once: true } );
	} else {
		whenReady();
	}
} )();
