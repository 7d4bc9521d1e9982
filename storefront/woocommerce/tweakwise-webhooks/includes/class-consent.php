<?php
/**
 * Whether the visitor agreed.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

/**
 * Without consent there is no key, no cookie and no event.
 */
final class Consent {

	// The name under which banners list the cookies, and under which a visitor may refuse them alone.
	const SERVICE = 'Tweakwise';

	/**
	 * Hook in.
	 */
	public static function register() {
		// The WP Consent API lists the plugins that obey it, and the cookies that they set.
		add_filter( 'wp_consent_api_registered_' . plugin_basename( PLUGIN_FILE ), '__return_true' );
		add_action( 'init', array( __CLASS__, 'describe_cookies' ) );
	}

	/**
	 * Whether this visitor may be followed, as far as the server knows.
	 *
	 * Where the page itself asks, its script asks the endpoint only after a yes.
	 *
	 * @return bool
	 */
	public static function is_given() {
		if ( Settings::CONSENT_API === Settings::consent() ) {
			return function_exists( 'wp_has_consent' )
				&& wp_has_consent( Settings::category(), plugin_basename( PLUGIN_FILE ) )
				&& ! self::is_refused_alone();
		}
		return true;
	}

	/**
	 * Whether this visitor refused Tweakwise, though not the whole category. Older versions of the API do not know that.
	 *
	 * @return bool
	 */
	private static function is_refused_alone() {
		return function_exists( 'wp_is_service_denied' ) && wp_is_service_denied( self::SERVICE, plugin_basename( PLUGIN_FILE ) );
	}

	/**
	 * Whether this visitor agreed on a page before: where consent is asked for, the cookie shows it.
	 *
	 * @return bool
	 */
	public static function is_remembered() {
		return self::is_given() && ( Settings::CONSENT_ALWAYS === Settings::consent() || '' !== Profile::carried() );
	}

	/**
	 * Register the cookies with the WP Consent API.
	 */
	public static function describe_cookies() {
		if ( ! function_exists( 'wp_add_cookie_info' ) ) {
			return;
		}
		$category = Settings::category();
		$personal = __( 'A random key, or a key made from the number of the account', 'tweakwise-webhooks' );
		wp_add_cookie_info( Profile::COOKIE, self::SERVICE, $category, __( '1 year', 'tweakwise-webhooks' ), __( 'Reports to Tweakwise which searches, views and purchases are of one visitor', 'tweakwise-webhooks' ), true, $personal );
		if ( Settings::has_sessions() ) {
			wp_add_cookie_info( Profile::SESSION_COOKIE, self::SERVICE, $category, __( '30 minutes', 'tweakwise-webhooks' ), __( 'Reports to Tweakwise which events belong to one visit', 'tweakwise-webhooks' ), true, $personal );
		}
	}
}
