<?php
/**
 * Wishlists.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

/**
 * Sends what is put into a wishlist, when switched on. WooCommerce has none of its own; these plugins do.
 */
final class Wishlist {

	/**
	 * Hook in.
	 */
	public static function register() {
		// YITH WooCommerce Wishlist: product or variation, wishlist, user.
		add_action( 'yith_wcwl_added_to_wishlist', array( __CLASS__, 'added' ) );
		// WPC Smart Wishlist: product or variation, 0 where it failed; the wishlist's key.
		add_action( 'woosw_add', array( __CLASS__, 'added' ) );
		// TI WooCommerce Wishlist: an array with product_id and variation_id.
		add_action( 'tinvwl_product_added', array( __CLASS__, 'added' ) );
	}

	/**
	 * A product was put into a wishlist. A mistake here must never keep it out of there.
	 *
	 * @param mixed $what A product's number, or an array with it.
	 */
	public static function added( $what ) {
		try {
			$numbers = is_array( $what ) ? $what + array( 'product_id' => 0 ) : array( 'product_id' => $what );
			$product = wc_get_product( (int) ( empty( $numbers['variation_id'] ) ? $numbers['product_id'] : $numbers['variation_id'] ) );
			if ( $product && self::is_wanted() ) {
				list( $topic, $fields ) = Events::added_to_wishlist( $product );
				Receiver::send_of_visitor( $topic, $fields, Profile::current(), Storefront::locale() );
			}
		} catch ( \Throwable $error ) {
			wc_get_logger()->error( $error->getMessage(), array( 'source' => 'tweakwise-webhooks' ) );
		}
	}

	/**
	 * Whether this is a visitor who agreed.
	 *
	 * @return bool
	 */
	private static function is_wanted() {
		return Settings::is_on( 'wishlist' ) && Guard::may_send();
	}
}
