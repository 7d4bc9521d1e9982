<?php
/**
 * The visitor's profile key.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

/**
 * A random key in a first-party cookie for guests, which their browser makes; one derived from the account for customers.
 *
 * Cookies are only ever set in answers that no cache keeps: those of the endpoint, of logging in and of logging out.
 */
final class Profile {

	const COOKIE         = 'tweakwise_profile_key';
	const SESSION_COOKIE = 'tweakwise_session';

	// A visit is over after 30 minutes without an event, as Tweakwise counts.
	const SESSION_LIFE = 30 * MINUTE_IN_SECONDS;

	// The same characters and length that the receiver accepts.
	const PATTERN = '/\A[A-Za-z0-9._$=-]{1,128}\z/';

	/**
	 * Hook in.
	 */
	public static function register() {
		// Not wp_login: accounts made at the checkout, and many log-in plugins, never fire that.
		add_action( 'set_logged_in_cookie', array( __CLASS__, 'log_in' ), 10, 4 );
		add_action( 'clear_auth_cookie', array( __CLASS__, 'log_out' ) );
	}

	/**
	 * The key of an account, as the receiver derives it from the order's customer id.
	 *
	 * @param int $user_id The account.
	 * @return string 64 hexadecimal digits, or "" without a profile salt.
	 */
	public static function derived( $user_id ) {
		$salt = Settings::salt();
		return $user_id && '' !== $salt ? hash_hmac( 'sha256', (string) $user_id, $salt ) : '';
	}

	/**
	 * The key that the browser brought with this request, or "".
	 *
	 * @return string
	 */
	public static function carried() {
		return self::cookie( self::COOKIE );
	}

	/**
	 * The key of this request's visitor: the account's, else the carried one; or "".
	 *
	 * @return string
	 */
	public static function current() {
		$derived = self::derived( get_current_user_id() );
		return '' !== $derived ? $derived : self::carried();
	}

	/**
	 * The same, and a new one for a script of an earlier version that made none. Sets the cookie, so call it only where nothing is cached.
	 *
	 * @return string
	 */
	public static function ensure() {
		$key = self::current();
		$key = '' !== $key ? $key : bin2hex( random_bytes( 16 ) );
		self::set_cookie( self::COOKIE, $key, self::life() );
		return $key;
	}

	/**
	 * The visit's key. Sets its cookie, so call it only where nothing is cached.
	 *
	 * @return array{string, bool} The key, and whether the visit has just begun.
	 */
	public static function ensure_session() {
		$known = self::session();
		$key   = '' !== $known ? $known : wp_generate_uuid4();
		self::set_cookie( self::SESSION_COOKIE, $key, self::SESSION_LIFE );
		return array( $key, '' === $known );
	}

	/**
	 * The visit's key that the browser brought, or "".
	 *
	 * @return string
	 */
	public static function session() {
		return Settings::has_sessions() ? self::cookie( self::SESSION_COOKIE ) : '';
	}

	/**
	 * From now on this browser has the account's key.
	 *
	 * @param string $cookie     Unused.
	 * @param int    $expire     Unused.
	 * @param int    $expiration Unused.
	 * @param int    $user_id    The account.
	 */
	public static function log_in( $cookie, $expire = 0, $expiration = 0, $user_id = 0 ) {
		$key = self::derived( (int) $user_id );
		if ( '' !== $key && Consent::is_remembered() && ! self::goes_on_to_buy() ) {
			self::set_cookie( self::COOKIE, $key, self::life() );
		}
	}

	/**
	 * Whether a guest logs in with something in the cart, at the checkout or before. What they looked at leads to this
	 * order, so both have the guest's key; the account's comes with the first view after the log-in.
	 *
	 * @return bool
	 */
	private static function goes_on_to_buy() {
		// WooCommerce's own mark for caches. Its cart is not there in every request that is a log-in.
		return ! empty( $_COOKIE['woocommerce_items_in_cart'] ) && self::is_guests( self::carried() );
	}

	/**
	 * Whether a key was made for a guest. An account's is longer: it must not get into the order of another account.
	 *
	 * @param string $key The key.
	 * @return bool
	 */
	public static function is_guests( $key ) {
		return 1 === preg_match( '/\A[0-9a-f]{32}\z/', $key );
	}

	/**
	 * The next person at this browser must not have the account's key.
	 */
	public static function log_out() {
		if ( '' !== Settings::salt() && '' !== self::carried() ) {
			self::set_cookie( self::COOKIE, '', -YEAR_IN_SECONDS );
			self::set_cookie( self::SESSION_COOKIE, '', -YEAR_IN_SECONDS );
		}
	}

	/**
	 * Whether a text can be a profile key.
	 *
	 * @param mixed $key The text.
	 * @return bool
	 */
	public static function is_key( $key ) {
		return is_string( $key ) && 1 === preg_match( self::PATTERN, $key );
	}

	/**
	 * How long a key lasts without a visit, in seconds.
	 *
	 * @return int
	 */
	public static function life() {
		/**
		 * Filters how long the visitor's key lasts without a visit.
		 *
		 * @param int $seconds A year.
		 */
		return (int) apply_filters( 'tweakwise_webhooks_key_life', YEAR_IN_SECONDS );
	}

	/**
	 * Read one of our cookies.
	 *
	 * @param string $name Its name.
	 * @return string "" when there is none, or not one of this plugin.
	 */
	private static function cookie( $name ) {
		// phpcs:ignore WordPress.Security.ValidatedSanitizedInput.InputNotSanitized -- is_key() lets only safe characters through.
		$value = isset( $_COOKIE[ $name ] ) ? wp_unslash( $_COOKIE[ $name ] ) : '';
		return self::is_key( $value ) ? $value : '';
	}

	/**
	 * Set one of our cookies. The page's script reads it, since a cached page cannot hold the key; so it is not HttpOnly.
	 *
	 * @param string $name  Its name.
	 * @param string $value Its value.
	 * @param int    $life  Seconds from now.
	 */
	private static function set_cookie( $name, $value, $life ) {
		if ( headers_sent() ) {
			return;
		}
		setcookie(
			$name,
			$value,
			array(
				'expires'  => time() + $life,
				'path'     => self::cookie_path(),
				'domain'   => (string) COOKIE_DOMAIN,
				'secure'   => is_ssl(),
				'httponly' => false,
				'samesite' => 'Lax',
			)
		);
	}

	/**
	 * The path of our cookies.
	 *
	 * @return string
	 */
	public static function cookie_path() {
		return COOKIEPATH ? COOKIEPATH : '/';
	}
}
