/* The two buttons of the settings: press, ask the shop, show the answer. */
( function () {
	'use strict';

	const config = window.tweakwiseWebhooksAdmin;

	function press( event ) {
		const button = event.target.closest( '.tweakwise-webhooks-action' );
		if ( ! button ) {
			return;
		}
		const answer = button.parentNode.querySelector( '.tweakwise-webhooks-answer' );
		const body = new URLSearchParams( { action: button.dataset.action, nonce: config.nonce } );
		button.disabled = true;
		answer.textContent = config.busy;
		fetch( config.url, { method: 'POST', credentials: 'same-origin', body } )
			.then( ( response ) => response.json() )
			.then( ( reply ) => show( answer, reply.ok, reply.message ) )
			.catch( () => show( answer, false, config.failed ) )
			.finally( () => {
				button.disabled = false;
			} );
	}

	function show( answer, ok, message ) {
		answer.textContent = message;
		answer.className = 'tweakwise-webhooks-answer notice inline ' + ( ok ? 'notice-success' : 'notice-error' );
	}

	document.addEventListener( 'click', press );
} )();
