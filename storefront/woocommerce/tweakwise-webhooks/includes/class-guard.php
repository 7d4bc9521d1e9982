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

	// Counters, which are used again each minute by others: as many rows as there will ever be, of each kind.
	const COUNTERS = 512;

	/**
	 * Whether something may be sent of this request, which no page's script asked for.
	 *
	 * @return bool
	 */
	public static function may_send() {
		return Settings::is_sending()
			&& Consent::is_remembered()
			&& '' === self::not_a_visitor()
			&& '' !== Profile::current()
			&& ! self::is_too_much( Profile::current() );
	}

	/**
	 * Whether a user who manages the shop is logged in: what they look at is not what customers like.
	 *
	 * @return bool
	 */
	public static function is_staff() {
		$is_staff = ! Settings::is_on( 'staff' ) && ( current_user_can( Admin::CAPABILITY ) || current_user_can( 'edit_others_posts' ) );
		/**
		 * Filters whether the user who is logged in works at the shop, and is not followed.
		 *
		 * @param bool $is_staff Whether the user may manage the shop or edit others' posts.
		 */
		return (bool) apply_filters( 'tweakwise_webhooks_is_staff', $is_staff );
	}

	/**
	 * Why this request is no visitor looking at a page: "staff", "bot", "prefetch" or "".
	 *
	 * @return string
	 */
	public static function not_a_visitor() {
		if ( self::is_staff() ) {
			return 'staff';
		}
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
		$address = (string) apply_filters( 'tweakwise_webhooks_address', self::header( 'REMOTE_ADDR' ) );
		return self::count( 'address', self::network( $address ) ) > self::ADDRESS_RATE
			|| ( '' !== $visitor && self::count( 'visitor', $visitor ) > self::VISITOR_RATE );
	}

	/**
	 * Whose an address is: one household or office has all addresses of an IPv6 /64.
	 *
	 * @param string $address The address.
	 * @return string
	 */
	private static function network( $address ) {
		$bytes = filter_var( $address, FILTER_VALIDATE_IP ) ? (string) inet_pton( $address ) : $address;
		if ( 16 !== strlen( $bytes ) || ! filter_var( $address, FILTER_VALIDATE_IP, FILTER_FLAG_IPV6 ) ) {
			return $address;
		}
		$mapped = str_repeat( "\0", 10 ) . "\xff\xff"; // An IPv4 address, written as one of IPv6.
		return 0 === strpos( $bytes, $mapped ) ? inet_ntop( substr( $bytes, 12 ) ) : bin2hex( substr( $bytes, 0, 8 ) );
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
	 * Count one event within this minute, in one statement, so that none of many at once is lost.
	 *
	 * @param string $kind What is counted: "address" or "visitor".
	 * @param string $who  Who is counted; nothing of it is stored.
	 * @return int How many there are in this minute, of this one and of the few that share the counter.
	 */
	private static function count( $kind, $who ) {
		global $wpdb;
		$minute = (int) floor( time() / MINUTE_IN_SECONDS ) . ' ';
		$name   = Settings::PREFIX . "rate_{$kind}_" . hexdec( substr( wp_hash( $minute . $who ), 0, 6 ) ) % self::COUNTERS;
		// phpcs:disable WordPress.DB.DirectDatabaseQuery -- options have no function that counts, and a cache would not see others' events.
		$wpdb->query(
			$wpdb->prepare(
				"INSERT INTO {$wpdb->options} (option_name, option_value, autoload) VALUES (%s, %s, 'no') ON DUPLICATE KEY UPDATE option_value = IF(option_value LIKE %s, CONCAT(%s, SUBSTRING_INDEX(option_value, ' ', -1) + 1), %s)",
				$name,
				$minute . '1',
				$minute . '%',
				$minute,
				$minute . '1'
			)
		);
		$value = (string) $wpdb->get_var( $wpdb->prepare( "SELECT option_value FROM {$wpdb->options} WHERE option_name = %s", $name ) );
		// phpcs:enable
		return 0 === strpos( $value, $minute ) ? (int) substr( $value, strlen( $minute ) ) : 1;
	}
}
