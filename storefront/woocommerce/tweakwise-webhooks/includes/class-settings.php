<?php
/**
 * What the merchant has set.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

/**
 * Reads the options, and says what a proper value is.
 */
final class Settings {

	const PREFIX = 'tweakwise_webhooks_';

	const CONSENT_ALWAYS = 'always';
	const CONSENT_API    = 'wp_consent_api';
	const CONSENT_PAGE   = 'page';

	/**
	 * The address of this shop at the receiver, or "".
	 *
	 * @return string
	 */
	public static function url() {
		return (string) get_option( self::PREFIX . 'url', '' );
	}

	/**
	 * The secret that signs events, the same as that of the order webhooks; or "".
	 *
	 * @return string
	 */
	public static function secret() {
		return (string) get_option( self::PREFIX . 'secret', '' );
	}

	/**
	 * The shop's profile_salt at the receiver, or "" when no key is derived.
	 *
	 * @return string
	 */
	public static function salt() {
		return (string) get_option( self::PREFIX . 'salt', '' );
	}

	/**
	 * Who decides about consent: one of the CONSENT_* constants.
	 *
	 * @return string
	 */
	public static function consent() {
		$mode = get_option( self::PREFIX . 'consent', self::CONSENT_API );
		return in_array( $mode, array( self::CONSENT_ALWAYS, self::CONSENT_PAGE ), true ) ? $mode : self::CONSENT_API;
	}

	/**
	 * The category of the WP Consent API that has to be allowed.
	 *
	 * @return string
	 */
	public static function category() {
		return (string) get_option( self::PREFIX . 'category', 'marketing' );
	}

	/**
	 * Whether a switch ("addtocart", "sessionstart") is on.
	 *
	 * @param string $name The switch.
	 * @return bool
	 */
	public static function is_on( $name ) {
		return 'yes' === get_option( self::PREFIX . $name, 'no' );
	}

	/**
	 * Whether events have a session: wishlists need one.
	 *
	 * @return bool
	 */
	public static function has_sessions() {
		return self::is_on( 'sessionstart' ) || self::is_on( 'wishlist' );
	}

	/**
	 * Whether there is a receiver to send to.
	 *
	 * @return bool
	 */
	public static function is_ready() {
		return '' !== self::url() && '' !== self::secret();
	}

	/**
	 * Whether visits are sent: there is a receiver, and this is not a copy of the shop.
	 *
	 * @return bool
	 */
	public static function is_sending() {
		return self::is_ready() && ! Site::is_copy();
	}

	/**
	 * Whether an address is that of a shop at a receiver. Events say who did what, so they need HTTPS outside of development.
	 *
	 * @param string $url The address.
	 * @return bool
	 */
	public static function is_receiver_url( $url ) {
		$scheme = in_array( wp_get_environment_type(), array( 'local', 'development' ), true ) ? 'https?' : 'https';
		return 1 === preg_match( "#\\A$scheme://[^\\s/?\\#@]+(/[^\\s?\\#]*)?/webhooks/woocommerce/[a-z0-9_-]+/?\\z#", $url );
	}

	/**
	 * Whether an address is one of any receiver's, also of an earlier one.
	 *
	 * @param string $url The address.
	 * @return bool
	 */
	public static function names_a_receiver( $url ) {
		return 1 === preg_match( '#/webhooks/woocommerce/[a-z0-9_-]+/?\z#', $url );
	}

	/**
	 * Whether two addresses are the same to a receiver.
	 *
	 * @param string $one   The first.
	 * @param string $other The second.
	 * @return bool
	 */
	public static function is_same_url( $one, $other ) {
		return untrailingslashit( $one ) === untrailingslashit( $other );
	}

	/**
	 * Whether a secret survives WooCommerce's forms, which clean and decode what they save.
	 *
	 * @param string $secret The secret.
	 * @return bool
	 */
	public static function is_safe_secret( $secret ) {
		return 1 === preg_match( '/\A[A-Za-z0-9]{16,128}\z/', $secret );
	}
}
