<?php
/**
 * The shop's pages.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

/**
 * Gives pages the script. What it says is the same for every visitor, so that caches may keep the page.
 */
final class Storefront {

	const HANDLE = 'tweakwise-webhooks';

	// What links that act as buttons have in their address: of WooCommerce, and of plugins for wishlists and comparing.
	const BUTTONS = '/\A(add-to-cart|added-to-cart|remove_item|removed_item|undo_item|(add_to|remove_from|added_to)_wishlist|add-to-wishlist|unapproved|moderation-hash)\z/';

	/**
	 * Hook in.
	 */
	public static function register() {
		add_action( 'wp_enqueue_scripts', array( __CLASS__, 'enqueue' ) );
	}

	/**
	 * Give this page the script.
	 */
	public static function enqueue() {
		if ( ! Settings::is_sending() || is_admin() || is_feed() || is_embed() || is_preview() || is_customize_preview() ) {
			return;
		}
		wp_enqueue_script( self::HANDLE, plugins_url( 'assets/storefront.js', PLUGIN_FILE ), array(), VERSION, array( 'strategy' => 'defer' ) );
		$config = wp_json_encode( self::config(), JSON_HEX_TAG | JSON_HEX_AMP );
		wp_add_inline_script( self::HANDLE, "window.tweakwiseWebhooksConfig = $config;", 'before' );
	}

	/**
	 * What the script needs to know.
	 *
	 * @return array<string,mixed>
	 */
	public static function config() {
		return array(
			'endpoint'      => \WC_AJAX::get_endpoint( Endpoint::NAME ),
			'keyCookie'     => Profile::COOKIE,
			'keyLife'       => Profile::life(),
			'sessionCookie' => Settings::has_sessions() ? Profile::SESSION_COOKIE : '',
			'cookiePath'    => Profile::cookie_path(),
			'cookieDomain'  => (string) COOKIE_DOMAIN,
			'consent'       => Settings::consent(),
			'category'      => Settings::category(),
			'service'       => Consent::SERVICE,
			'locale'        => self::locale(),
			'event'         => self::page_event(),
		);
	}

	/**
	 * What happens by showing this page, or null.
	 *
	 * @return array<string,mixed>|null
	 */
	private static function page_event() {
		$event = null;
		if ( is_product() && ! self::is_answer() ) {
			$event = array(
				'event'      => 'pageview',
				'product_id' => (int) get_queried_object_id(),
			);
		} elseif ( self::is_new_search() && ! self::is_answer() ) {
			$event = array(
				'event' => 'search',
				'term'  => get_search_query( false ),
			);
		}
		/**
		 * Filters what is sent when this page is shown.
		 *
		 * It is part of the page, which may be cached: it must depend on the address alone, never on the visitor.
		 *
		 * @param array|null $event Such as ['event' => 'search', 'term' => 'red shoes'], or null for nothing.
		 */
		return apply_filters( 'tweakwise_webhooks_page_event', $event );
	}

	/**
	 * Whether this page answers a button on a page that was reported before: "add to cart" without AJAX, for one.
	 *
	 * @return bool
	 */
	private static function is_answer() {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- only the names are looked at.
		return 'POST' === Guard::header( 'REQUEST_METHOD' ) || preg_grep( self::BUTTONS, array_keys( $_GET ) );
	}

	/**
	 * Whether these are the first results of a search among products, neither sorted nor filtered afterwards.
	 *
	 * @return bool
	 */
	private static function is_new_search() {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- only the names are looked at.
		$narrowed = preg_grep( '/\A(orderby|min_price|max_price|rating_filter|filter_.+)\z/', array_keys( $_GET ) );
		return is_search() && ! is_paged() && ! $narrowed && in_array( 'product', (array) get_query_var( 'post_type' ), true );
	}

	/**
	 * The page's language as the receiver writes it: "nl-NL" or "nl".
	 *
	 * @return string
	 */
	public static function locale() {
		return preg_match( '/\A([a-z]{2,3})(?:_([A-Z]{2}))?/', determine_locale(), $parts ) ? implode( '-', array_slice( $parts, 1 ) ) : '';
	}
}
