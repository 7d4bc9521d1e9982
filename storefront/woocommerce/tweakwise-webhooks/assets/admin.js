/* The buttons of the settings: press, ask the shop with what is typed, show the answer. */
( function () {
	'use strict';

	const config = window.tweakwiseWebhooksAdmin;

	function typed( name ) {
		const field = document.getElementById( 'tweakwise_webhooks_' + name );
		return field ? { [ name ]: field.value } : {};
	}

	function press( event ) {
		const button = event.target.closest( '.tweakwise-webhooks-action' );
		if ( ! button ) {
			return;
		}
		const answer = button.parentNode.querySelector( '.tweakwise-webhooks-answer' );
		const form = Object.assign( { action: button.dataset.action, nonce: config.nonce }, typed( 'url' ), typed( 'secret' ) );
		button.disabled = true;
		answer.textContent = config.busy;
		fetch( config.url, { method: 'POST', credentials: 'same-origin', body: new URLSearchParams( form ) } )
			.then( ( response ) => response.json() )
			.then( ( reply ) => show( answer, reply ) )
			.catch( () => show( answer, { ok: false, message: config.failed } ) )
			.finally( () => {
				button.disabled = false;
			} );
	}

	function show( answer, reply ) {
		const list = document.querySelector( '.tweakwise-webhooks-states' );
		answer.textContent = reply.message;
		answer.className = 'tweakwise-webhooks-answer notice inline ' + ( reply.ok ? 'notice-success' : 'notice-error' );
		if ( list && reply.states ) {
			list.replaceChildren( ...reply.states.map( ( state ) => Object.assign( document.createElement( 'li' ), { textContent: state } ) ) );
		}
	}

	document.addEventListener( 'click', press );
} )();
