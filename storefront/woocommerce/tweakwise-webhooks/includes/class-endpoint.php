<?php
/**
 * The shop's own endpoint, which the page's script asks.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

/**
 * Answers POST /?wc-ajax=tweakwise_event.
 *
 * It is one of WooCommerce's own AJAX addresses: caches leave those alone, WooCommerce marks them as not to be kept, and
 * they know who is logged in without a nonce, which a cached page could not hold.
 */
final class Endpoint {

	const NAME         = 'tweakwise_event';
	const LARGEST_BODY = 8192;

	/**
	 * Hook in.
	 */
	public static function register() {
		add_action( 'wc_ajax_' . self::NAME, array( __CLASS__, 'answer' ) );
	}

	/**
	 * Answer a browser.
	 */
	public static function answer() {
		nocache_headers();
		header( 'Cache-Control: no-store, private' );
		list( $code, $body ) = self::answer_for( (string) file_get_contents( 'php://input', false, null, 0, self::LARGEST_BODY + 1 ) );
		if ( 429 === $code ) {
			header( 'Retry-After: ' . MINUTE_IN_SECONDS );
		}
		wp_send_json( $body, $code );
	}

	/**
	 * Decide about one request.
	 *
	 * @param string $raw The request's body.
	 * @return array{int, array<string,mixed>} HTTP status and answer.
	 */
	private static function answer_for( $raw ) {
		if ( 'POST' !== Guard::header( 'REQUEST_METHOD' ) ) {
			return self::refused( 405, 'method', 'Use POST.' );
		}
		if ( Guard::is_from_elsewhere() ) {
			return self::refused( 403, 'elsewhere', 'Only the shop\'s own pages may ask.' );
		}
		$input = self::read( $raw );
		if ( null === $input ) {
			return self::refused( 400, 'body', 'Send a JSON object of at most 8 KiB as application/json.' );
		}
		$reason = self::not_followed();
		return '' !== $reason ? self::refused( 200, $reason, '' ) : self::taken( $input );
	}

	/**
	 * Why this visitor is not followed; "" when all is well.
	 *
	 * @return string
	 */
	private static function not_followed() {
		if ( ! Settings::is_sending() ) {
			return 'off';
		}
		return Consent::is_given() ? Guard::not_a_visitor() : 'no_consent';
	}

	/**
	 * Take what a visitor's browser says.
	 *
	 * @param array<mixed> $input The browser's JSON object.
	 * @return array{int, array<string,mixed>}
	 */
	private static function taken( array $input ) {
		$event = Events::from_browser( $input );
		if ( is_wp_error( $event ) ) {
			return self::refused( 400, $event->get_error_code(), $event->get_error_message() );
		}
		if ( Guard::is_too_much( Profile::carried() ) ) {
			return self::refused( 429, 'too_much', 'Too many events in a minute.' );
		}
		$key                    = Profile::ensure();
		$locale                 = isset( $input['locale'] ) && is_string( $input['locale'] ) && preg_match( '/\A[a-z]{2,3}(-[A-Z]{2})?\z/', $input['locale'] ) ? $input['locale'] : '';
		list( $topic, $fields ) = $event;
		Receiver::send_of_visitor( $topic, $fields, $key, $locale );
		$answer = array(
			'status' => 'accepted',
			'key'    => $key,
		);
		return array( 200, $answer );
	}

	/**
	 * Parse a body.
	 *
	 * The content type matters: another site's page cannot send JSON without asking the browser's leave first.
	 *
	 * @param string $raw The bytes.
	 * @return array<mixed>|null
	 */
	private static function read( $raw ) {
		if ( strlen( $raw ) > self::LARGEST_BODY || 0 !== stripos( Guard::header( 'CONTENT_TYPE' ), 'application/json' ) ) {
			return null;
		}
		$input = json_decode( $raw, true, 4 );
		return is_array( $input ) ? $input : null;
	}

	/**
	 * An answer without a key.
	 *
	 * @param int    $code   HTTP status.
	 * @param string $reason One word.
	 * @param string $hint   A sentence for a developer, or "".
	 * @return array{int, array<string,mixed>}
	 */
	private static function refused( $code, $reason, $hint ) {
		$answer = array(
			'status' => 'refused',
			'reason' => $reason,
			'hint'   => $hint,
		);
		return array( $code, array_filter( $answer, 'strlen' ) );
	}
}
