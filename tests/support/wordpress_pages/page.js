// A page of a WordPress shop: the WP Consent API as its own script has it, a banner, and what walks a journey through it.
( () => {
	const { steps, api, kind, cookies } = window.JOURNEY;
	const CONSENT = 'wp_consent_marketing';

	// What is under way.
	let running = 0;
	const counted = ( work ) => {
		running += 1;
		return work.finally( () => { running -= 1; } );
	};
	const load = window.fetch.bind( window );
	window.fetch = ( url, options ) => counted( load( url, options ).then( async ( answer ) => new Response( await answer.arrayBuffer() ) ) );
	const locks = navigator.locks.request.bind( navigator.locks );
	navigator.locks.request = ( name, work ) => counted( locks( name, work ) );
	const { port1, port2 } = new MessageChannel();
	const task = () => new Promise( ( resolve ) => {
		port1.onmessage = resolve;
		port2.postMessage( 0 );
	} );
	async function quiet() {
		for ( let idle = 0; idle < 4; idle += 1 ) {
			await task();
			while ( running ) {
				await new Promise( ( resolve ) => setTimeout( resolve, 1 ) );
				idle = 0;
			}
		}
	}

	const faults = [];
	addEventListener( 'error', ( error ) => faults.push( error.message ) );
	addEventListener( 'unhandledrejection', ( error ) => faults.push( String( error.reason ) ) );
	if ( 'refused' === cookies ) {
		const stored = Object.getOwnPropertyDescriptor( Document.prototype, 'cookie' );
		Object.defineProperty( document, 'cookie', { configurable: true, get: () => stored.get.call( document ), set() {} } );
	}

	// https://plugins.svn.wordpress.org/wp-consent-api/trunk/assets/js/wp-consent-api.js
	const cookie = ( name ) => document.cookie.split( '; ' ).find( ( pair ) => pair.startsWith( `${ name }=` ) )?.slice( name.length + 1 ) ?? '';
	const dispatch = ( name, detail ) => document.dispatchEvent( new CustomEvent( name, { detail } ) );
	window.consentApi = () => {
		const fallback = 'set late' === api ? '' : kind;
		window.waitfor_consent_hook = 'set late' === api;
		window.wp_has_consent = ( category ) => {
			if ( 'broken' === api && ! window.consent_api ) {
				throw new ReferenceError( 'consent_api is not defined' );
			}
			const type = window.wp_consent_type ?? fallback;
			const value = cookie( `wp_consent_${ category }` );
			return ! type || ( type.includes( 'optout' ) && ! value ) || 'allow' === value;
		};
	};
	if ( 'broken' === api || 'set late' === api ) {
		window.consentApi();
	}
	const script = ( src ) => new Promise( ( resolve ) => {
		document.head.append( Object.assign( document.createElement( 'script' ), { src, onload: resolve } ) );
	} );
	// What comes after the page was loaded.
	const LATE = {
		late: () => script( '/api.js' ),
		broken: () => {
			window.consent_api = {};
			dispatch( 'wp_consent_type_defined' );
		},
		'set late': () => {
			window.wp_consent_type = kind;
			dispatch( 'wp_consent_type_defined' );
		},
	};

	function decide( value ) {
		const before = cookie( CONSENT );
		document.cookie = `${ CONSENT }=${ value }; path=/`;
		if ( before !== value ) {
			dispatch( 'wp_listen_for_consent_change', Object.assign( [], { marketing: value } ) );
		}
	}
	const DOES = {
		agree: () => decide( 'allow' ),
		refuse: () => decide( 'deny' ),
		waver: () => [ 'allow', 'deny', 'allow' ].forEach( decide ),
		yes: () => window.tweakwiseWebhooks.consent( true ),
		no: () => window.tweakwiseWebhooks.consent( false ),
		order: () => window.fetch( '/order', { method: 'POST' } ),
		list: () => window.tweakwiseWebhooks.send( { event: 'addtowishlist', product_id: 7 } ),
	};
	addEventListener( 'load', () => setTimeout( async () => {
		await LATE[ api ]?.();
		if ( window.OWN ) {
			await script( window.OWN ); // as optimisers do that delay all scripts
		}
		await quiet();
		for ( const step of steps ) {
			DOES[ step ]();
			await quiet();
		}
		const names = document.cookie.split( '; ' ).map( ( pair ) => pair.split( '=' )[ 0 ] );
		const seen = { key: window.tweakwiseProfileKey ?? '', cookies: names, faults };
		const next = await ( await load( '/seen', { method: 'POST', body: JSON.stringify( seen ) } ) ).text();
		location.href = 'next' === next ? `/product/${ Number( location.pathname.split( '/' )[ 2 ] ) + 1 }` : next;
	} ) );
} )();
