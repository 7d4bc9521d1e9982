<?php
/**
 * The receiver of events.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

/**
 * Signs events as WooCommerce signs its webhooks, and posts them when the visitor has had the answer.
 */
final class Receiver {

	// Seconds. No visitor waits for the answer, but a process of the web server does for a receiver that hangs.
	const TIMEOUT      = 2;
	const TEST_TIMEOUT = 10;

	// Set while a receiver that hung is left alone, so that it cannot take all of those processes.
	const HANGS      = Settings::PREFIX . 'hangs';
	const LEFT_ALONE = MINUTE_IN_SECONDS;

	/**
	 * Events of this request: topic and body.
	 *
	 * @var array<array{string, string}>
	 */
	private static $waiting = array();

	/**
	 * Send an event once the answer is out.
	 *
	 * @param string              $topic Such as "storefront.search".
	 * @param array<string,mixed> $event What is sent.
	 */
	public static function send_later( $topic, array $event ) {
		$body = wp_json_encode( $event );
		if ( false === $body || get_transient( self::HANGS ) ) {
			return;
		}
		if ( ! self::$waiting ) {
			add_action( 'shutdown', array( __CLASS__, 'send_waiting' ), 20 );
		}
		self::$waiting[] = array( $topic, $body );
	}

	/**
	 * Let the visitor go, and post what waits.
	 */
	public static function send_waiting() {
		if ( function_exists( 'fastcgi_finish_request' ) ) {
			fastcgi_finish_request();
		} elseif ( function_exists( 'litespeed_finish_request' ) ) {
			litespeed_finish_request();
		}
		while ( self::$waiting ) {
			list( $topic, $body ) = array_shift( self::$waiting );
			// Nothing overtakes it; the last one is not waited for.
			$blocking = (bool) self::$waiting;
			$began    = microtime( true );
			self::post( $topic, $body, array( 'blocking' => $blocking, 'timeout' => self::TIMEOUT ) );
			if ( microtime( true ) - $began > 0.9 * self::TIMEOUT ) {
				set_transient( self::HANGS, array( 1 ), self::LEFT_ALONE );
				self::$waiting = array();
			}
		}
	}

	/**
	 * Post an event that the receiver verifies and stores, and does not send to Tweakwise.
	 *
	 * @return array{bool, string} Whether the receiver took it, and what it answered.
	 */
	public static function test() {
		if ( ! Settings::is_ready() ) {
			return array( false, __( 'Save an address and a secret first.', 'tweakwise-webhooks' ) );
		}
		if ( ! wp_http_validate_url( Settings::url() ) ) {
			return array( false, __( 'WordPress refuses to post to this address: it posts to no address of its own network, and only to the ports 80, 443 and 8080.', 'tweakwise-webhooks' ) );
		}
		$body     = wp_json_encode( Events::stamped( array( 'test' => true ) ) );
		$response = self::post( 'storefront.test', $body, array( 'timeout' => self::TEST_TIMEOUT ) );
		if ( is_wp_error( $response ) ) {
			/* translators: %s: error message */
			return array( false, sprintf( __( 'The receiver was not reached: %s', 'tweakwise-webhooks' ), $response->get_error_message() ) );
		}
		$code = (int) wp_remote_retrieve_response_code( $response );
		/* translators: 1: HTTP status, 2: the answer's text */
		$message = sprintf( __( 'The receiver answered %1$d: %2$s', 'tweakwise-webhooks' ), $code, substr( trim( wp_remote_retrieve_body( $response ) ), 0, 500 ) );
		return array( 200 === $code, $message );
	}

	/**
	 * The headers under which a body is posted.
	 *
	 * @param string $topic Such as "storefront.search".
	 * @param string $body  The exact bytes that are sent.
	 * @return array<string,string>
	 */
	public static function headers( $topic, $body ) {
		list( $resource, $event ) = explode( '.', $topic );
		return array(
			'Content-Type'            => 'application/json',
			'X-WC-Webhook-Source'     => home_url( '/' ),
			'X-WC-Webhook-Topic'      => $topic,
			'X-WC-Webhook-Resource'   => $resource,
			'X-WC-Webhook-Event'      => $event,
			// phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions.obfuscation_base64_encode -- as WC_Webhook does.
			'X-WC-Webhook-Signature'  => base64_encode( hash_hmac( 'sha256', $body, Settings::secret(), true ) ),
		);
	}

	/**
	 * Post a body as WooCommerce posts its webhooks: no redirects, and never to an address of the inside.
	 *
	 * @param string              $topic Such as "storefront.search".
	 * @param string              $body  What is sent.
	 * @param array<string,mixed> $how   Further arguments of the request.
	 * @return array|\WP_Error
	 */
	private static function post( $topic, $body, array $how ) {
		$arguments = array(
			'redirection' => 0,
			'user-agent'  => 'Tweakwise-Webhooks/' . VERSION . ' (WordPress/' . get_bloginfo( 'version' ) . ')',
			'headers'     => self::headers( $topic, $body ),
			'body'        => $body,
		);
		return wp_safe_remote_post( Settings::url(), $how + $arguments );
	}
}
