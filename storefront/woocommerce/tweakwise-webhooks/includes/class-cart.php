<?php
/**
 * The cart.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

/**
 * Sends what is put into the cart, when switched on.
 *
 * The server reports it, not the page: it knows the variation, the quantity and the price, however the button is made.
 */
final class Cart {

	// Product Bundles, Composite Products and Mix and Match add a bundle's parts as items of their own.
	const PART_OF_BUNDLE = array( 'bundled_by', 'composite_parent', 'mnm_container' );

	/**
	 * Hook in.
	 */
	public static function register() {
		add_action( 'woocommerce_add_to_cart', array( __CLASS__, 'added' ), 10, 6 );
	}

	/**
	 * Something was put into the cart. A mistake here must never keep it out of there.
	 *
	 * @param string     $item_key     Unused.
	 * @param int        $product_id   The product.
	 * @param int|float  $quantity     How many.
	 * @param int        $variation_id The variation, or 0.
	 * @param array|null $variation    Unused.
	 * @param array|null $item         What plugins say of the item.
	 */
	public static function added( $item_key, $product_id, $quantity = 1, $variation_id = 0, $variation = array(), $item = array() ) {
		try {
			if ( ! self::is_wanted( (array) $item ) ) {
				return;
			}
			$product = wc_get_product( $variation_id ? $variation_id : $product_id );
			if ( $product ) {
				list( $topic, $fields ) = Events::added_to_cart( $product, $quantity );
				Receiver::send_of_visitor( $topic, $fields, Profile::current(), Storefront::locale() );
			}
		} catch ( \Throwable $error ) {
			wc_get_logger()->error( $error->getMessage(), array( 'source' => 'tweakwise-webhooks' ) );
		}
	}

	/**
	 * Whether this is a visitor who agreed and added a product, rather than a part of one.
	 *
	 * @param array<string,mixed> $item What plugins say of the item.
	 * @return bool
	 */
	private static function is_wanted( array $item ) {
		return Settings::is_on( 'addtocart' )
			&& ! array_intersect_key( array_flip( self::PART_OF_BUNDLE ), array_filter( $item ) )
			&& Guard::may_send();
	}
}
