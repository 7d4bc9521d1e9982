<?php
/**
 * Who is not listened to.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

/**
 * Refuses robots, pages loaded ahead of time, other sites, and visitors that send too much.
 */
final class Guard {

	// The receiver has a long, kept list of robots; this one keeps the most of them from costing a request to it.
	const ROBOTS = '/(?<!cu)bot\b|bots\b|crawl|spider|slurp|archiver|facebookexternalhit|preview|lighthouse|headlesschrome|phantomjs|python|curl\/|wget\/|libwww|go-http|java\/|axios|node-fetch|okhttp|monitor|uptime/i';

	// Events in a minute.
	const VISITOR_RATE = 60;
	const ADDRESS_RATE = 600;

	/**
	 * Why this request is no visitor looking at a page: "bot", "prefetch" or "".
	 *
	 * @return string
	 */
	public static function not_a_visitor() {
		$agent = self::header( 'HTTP_USER_AGENT' );
		if ( '' === $agent || preg_match( self::ROBOTS, $agent ) ) {
			return 'bot';
		}
		$purpose = self::header( 'HTTP_SEC_PURPOSE' ) . self::header( 'HTTP_PURPOSE' ) . self::header( 'HTTP_X_PURPOSE' ) . self::header( 'HTTP_X_MOZ' );
		return preg_match( '/prefetch|prerender|preview/i', $purpose ) ? 'prefetch' : '';
	}

	/**
	 * Whether another site's page made the browser send this.
	 *
	 * A nonce does not help: it would be frozen into cached pages. Browsers say it themselves.
	 *
	 * @return bool
	 */
	public static function is_from_elsewhere() {
		$site = self::header( 'HTTP_SEC_FETCH_SITE' );
		if ( '' !== $site ) {
			return 'same-origin' !== $site;
		}
		$origin = self::header( 'HTTP_ORIGIN' );
		$own    = array( home_url(), 'https://' . self::header( 'HTTP_HOST' ) );
		return '' !== $origin && ! in_array( self::host( $origin ), array_map( array( __CLASS__, 'host' ), $own ), true );
	}

	/**
	 * The host of an address.
	 *
	 * @param string $url The address.
	 * @return string
	 */
	private static function host( $url ) {
		return (string) wp_parse_url( $url, PHP_URL_HOST );
	}

	/**
	 * Count one event, and return whether it is one too many.
	 *
	 * @param string $visitor The visitor's key, "" when there is none yet.
	 * @return bool
	 */
	public static function is_too_much( $visitor ) {
		/**
		 * Filters the address that is counted. Behind a proxy that hides addresses, return the visitor's own.
		 *
		 * @param string $address The address that the web server sees.
		 */
		$address  = (string) apply_filters( 'tweakwise_webhooks_address', self::header( 'REMOTE_ADDR' ) );
		$too_much = self::counts_over( 'address ' . $address, self::ADDRESS_RATE );
		return ( '' !== $visitor && self::counts_over( 'visitor ' . $visitor, self::VISITOR_RATE ) ) || $too_much;
	}

	/**
	 * A header, or another entry of $_SERVER, as one line of at most 512 bytes.
	 *
	 * @param string $name The entry.
	 * @return string
	 */
	public static function header( $name ) {
		// phpcs:ignore WordPress.Security.ValidatedSanitizedInput.InputNotSanitized -- cleaned on the next line.
		$value = isset( $_SERVER[ $name ] ) ? wp_unslash( $_SERVER[ $name ] ) : '';
		return is_string( $value ) ? substr( preg_replace( '/[^\x20-\x7e]/', '', $value ), 0, 512 ) : '';
	}

	/**
	 * Count within the minute that began with the first event.
	 *
	 * @param string $who   Who is counted; only a keyed hash of it is stored.
	 * @param int    $limit How many are allowed in a minute.
	 * @return bool
	 */
	private static function counts_over( $who, $limit ) {
		$name  = Settings::PREFIX . 'rate_' . substr( wp_hash( $who ), 0, 32 );
		$entry = get_transient( $name );
		$entry = is_array( $entry ) && $entry[0] > time() ? $entry : array( time() + MINUTE_IN_SECONDS, 0 );
		++$entry[1];
		if ( $entry[1] <= $limit ) {
			set_transient( $name, $entry, MINUTE_IN_SECONDS );
		}
		return $entry[1] > $limit;
	}
}
