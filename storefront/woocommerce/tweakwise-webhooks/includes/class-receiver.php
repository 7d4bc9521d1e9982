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
	 * Send what a visitor did, and before it that the visit has begun. Sets the visit's cookie.
	 *
	 * @param string              $topic  Such as "storefront.search"; "" when there is only the visit.
	 * @param array<string,mixed> $fields What happened.
	 * @param string              $key    The visitor's profile key.
	 * @param string              $locale The page's language, or "".
	 */
	public static function send_of_visitor( $topic, array $fields, $key, $locale ) {
		list( $session, $begins ) = Settings::has_sessions() ? Profile::ensure_session() : array( '', false );
		if ( $begins && Settings::is_on( 'sessionstart' ) ) {
			self::send_later( 'storefront.sessionstart', Events::of_visitor( array(), $key, $session, $locale ) );
		}
		if ( '' !== $topic ) {
			self::send_later( $topic, Events::of_visitor( $fields, $key, $session, $locale ) );
		}
	}

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
			$how      = array(
				'blocking' => $blocking,
				'timeout'  => self::TIMEOUT,
			);
			self::post( $topic, $body, $how, Settings::url(), Settings::secret() );
			if ( microtime( true ) - $began > 0.9 * self::TIMEOUT ) {
				set_transient( self::HANGS, array( 1 ), self::LEFT_ALONE );
				self::$waiting = array();
			}
		}
	}

	/**
	 * Post an event that the receiver verifies and stores, and does not send to Tweakwise.
	 *
	 * @param string $url    The address.
	 * @param string $secret The secret that signs it.
	 * @return array{bool, string} Whether the receiver took it, and what it answered.
	 */
	public static function test( $url, $secret ) {
		$why = self::why_not( $url );
		if ( '' !== $why ) {
			return array( false, $why );
		}
		$body     = wp_json_encode( Events::stamped( array( 'test' => true ) ) );
		$response = self::post( 'storefront.test', $body, array( 'timeout' => self::TEST_TIMEOUT ), $url, $secret );
		if ( is_wp_error( $response ) ) {
			/* translators: %s: error message */
			return array( false, sprintf( __( 'The receiver was not reached: %s', 'tweakwise-webhooks' ), $response->get_error_message() ) );
		}
		return self::read_answer( (int) wp_remote_retrieve_response_code( $response ), trim( wp_remote_retrieve_body( $response ) ) );
	}

	/**
	 * Why WordPress would not even try to post to an address; "" when it would.
	 *
	 * @param string $url The address.
	 * @return string
	 */
	public static function why_not( $url ) {
		$host = (string) wp_parse_url( $url, PHP_URL_HOST );
		$port = (int) wp_parse_url( $url, PHP_URL_PORT );
		if ( wp_http_validate_url( $url ) ) {
			return '';
		}
		/** This filter is documented in wp-includes/http.php */
		$ports = (array) apply_filters( 'http_allowed_safe_ports', array( 80, 443, 8080 ), $host, $url ); // phpcs:ignore WordPress.NamingConventions.PrefixAllGlobals.NonPrefixedHooknameFound -- WordPress' own.
		if ( $port && ! in_array( $port, $ports, true ) ) {
			/* translators: 1: port, 2: list of ports */
			return sprintf( __( 'WordPress posts only to the ports %2$s, never to port %1$d. Let the receiver listen on port 443, behind a web server.', 'tweakwise-webhooks' ), $port, implode( ', ', $ports ) );
		}
		if ( ! filter_var( $host, FILTER_VALIDATE_IP ) && gethostbyname( $host ) === $host ) {
			/* translators: %s: host name */
			return sprintf( __( 'The host name %s is not known: check how it is spelt, and its DNS record.', 'tweakwise-webhooks' ), $host );
		}
		/* translators: %s: host name */
		return sprintf( __( 'WordPress posts to no address of its own network, and %s is one. Give the receiver a public address.', 'tweakwise-webhooks' ), $host );
	}

	/**
	 * What an answer means.
	 *
	 * @param int    $code HTTP status.
	 * @param string $body The answer's text.
	 * @return array{bool, string}
	 */
	private static function read_answer( $code, $body ) {
		$answer = json_decode( $body, true );
		if ( 200 === $code && isset( $answer['status'] ) ) {
			/* translators: 1: HTTP status, 2: the answer's text */
			return array( true, sprintf( __( 'The receiver answered %1$d: %2$s', 'tweakwise-webhooks' ), $code, substr( $body, 0, 500 ) ) );
		}
		if ( $code >= 300 && $code < 400 ) {
			/* translators: %d: HTTP status */
			return array( false, sprintf( __( 'The address answered %d, a redirect, which webhooks do not follow: enter the address that it leads to.', 'tweakwise-webhooks' ), $code ) );
		}
		if ( ! is_array( $answer ) ) {
			/* translators: %d: HTTP status */
			return array( false, sprintf( __( 'The address answered %d, but not as a receiver: another server, a proxy or a maintenance page took the event.', 'tweakwise-webhooks' ), $code ) );
		}
		/* translators: 1: HTTP status, 2: the answer's text */
		return array( false, sprintf( __( 'The receiver answered %1$d: %2$s', 'tweakwise-webhooks' ), $code, substr( $body, 0, 500 ) ) );
	}

	/**
	 * The headers under which a body is posted.
	 *
	 * @param string $topic  Such as "storefront.search".
	 * @param string $body   The exact bytes that are sent.
	 * @param string $secret The secret that signs it.
	 * @return array<string,string>
	 */
	public static function headers( $topic, $body, $secret ) {
		list( $resource, $event ) = explode( '.', $topic );
		return array(
			'Content-Type'           => 'application/json',
			'X-WC-Webhook-Source'    => home_url( '/' ),
			'X-WC-Webhook-Topic'     => $topic,
			'X-WC-Webhook-Resource'  => $resource,
			'X-WC-Webhook-Event'     => $event,
			// phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions.obfuscation_base64_encode -- as WC_Webhook does.
			'X-WC-Webhook-Signature' => base64_encode( hash_hmac( 'sha256', $body, $secret, true ) ),
		);
	}

	/**
	 * Post a body as WooCommerce posts its webhooks: no redirects, and never to an address of the inside.
	 *
	 * @param string              $topic  Such as "storefront.search".
	 * @param string              $body   What is sent.
	 * @param array<string,mixed> $how    Further arguments of the request.
	 * @param string              $url    The address.
	 * @param string              $secret The secret that signs it.
	 * @return array|\WP_Error
	 */
	private static function post( $topic, $body, array $how, $url, $secret ) {
		$arguments = array(
			'redirection' => 0,
			'user-agent'  => 'Tweakwise-Webhooks/' . VERSION . ' (WordPress/' . get_bloginfo( 'version' ) . ')',
			'headers'     => self::headers( $topic, $body, $secret ),
			'body'        => $body,
		);
		return wp_safe_remote_post( $url, $how + $arguments );
	}
}
