<?php
/**
 * What can happen on a storefront.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

/**
 * Makes events. What a browser says is checked; what the shop knows itself is not asked of it.
 */
final class Events {

	const LONGEST_TERM = 256;

	/**
	 * Read what a browser says happened.
	 *
	 * @param array<mixed> $input The browser's JSON object.
	 * @return array{string, array<string,mixed>}|\WP_Error Topic and fields; the topic is "" when only the key is asked for.
	 */
	public static function from_browser( array $input ) {
		switch ( isset( $input['event'] ) ? $input['event'] : '' ) {
			case 'visit':
				return array( '', array() );
			case 'search':
				return self::search( isset( $input['term'] ) ? $input['term'] : '' );
			case 'pageview':
			case 'addtowishlist':
				return self::of_product( $input['event'], isset( $input['product_id'] ) ? $input['product_id'] : 0 );
			default:
				return new \WP_Error( 'unknown_event', 'event must be visit, search, pageview or addtowishlist.' );
		}
	}

	/**
	 * A product went into the cart.
	 *
	 * @param \WC_Product $product  The product, or the variation that was chosen.
	 * @param int|float   $quantity How many.
	 * @return array{string, array<string,mixed>}
	 */
	public static function added_to_cart( $product, $quantity ) {
		$amount = wc_get_price_excluding_tax( $product, array( 'qty' => $quantity ) );
		$fields = array(
			// Tweakwise counts whole pieces; some shops sell half a metre.
			'quantity' => max( 1, (int) round( (float) $quantity ) ),
			'amount'   => wc_format_decimal( $amount, wc_get_price_decimals() ),
		);
		return array( 'storefront.addtocart', self::product( $product ) + $fields );
	}

	/**
	 * A product went into a wishlist.
	 *
	 * @param \WC_Product $product The product, or the variation that was chosen.
	 * @return array{string, array<string,mixed>}
	 */
	public static function added_to_wishlist( $product ) {
		// The header with the topic is not signed, and a view has the same fields.
		return array( 'storefront.addtowishlist', array( 'event' => 'addtowishlist' ) + self::product( $product ) );
	}

	/**
	 * Add who did it.
	 *
	 * @param array<string,mixed> $fields  What happened.
	 * @param string              $key     The visitor's profile key.
	 * @param string              $session The visit's key, or "".
	 * @param string              $locale  The page's language, or "".
	 * @return array<string,mixed>
	 */
	public static function of_visitor( array $fields, $key, $session, $locale ) {
		$user    = get_current_user_id();
		$visitor = array(
			'profile_key' => $key,
			'session_key' => $session,
			'customer_id' => $user ? (string) $user : '',
			'user_agent'  => Guard::header( 'HTTP_USER_AGENT' ),
			'locale'      => $locale,
			'currency'    => get_woocommerce_currency(),
		);
		return self::stamped( $fields + array_filter( $visitor, 'strlen' ) );
	}

	/**
	 * Add what distinguishes two equal events: the receiver takes the same bytes for the same event.
	 *
	 * @param array<string,mixed> $fields The event.
	 * @return array<string,mixed>
	 */
	public static function stamped( array $fields ) {
		return $fields + array(
			'event_id' => wp_generate_uuid4(),
			'sent_at'  => gmdate( 'Y-m-d\TH:i:s\Z' ),
		);
	}

	/**
	 * A page with search results was shown.
	 *
	 * @param mixed $term What was searched for.
	 * @return array{string, array<string,mixed>}|\WP_Error
	 */
	private static function search( $term ) {
		// Not sanitize_text_field(): it would change a term such as "50%ab" or "<3". Nothing here is ever shown as HTML.
		$term = is_string( $term ) ? trim( preg_replace( '/[\x00-\x1f\x7f]+/', ' ', wp_check_invalid_utf8( $term ) ) ) : '';
		if ( '' === $term || mb_strlen( $term ) > self::LONGEST_TERM ) {
			return new \WP_Error( 'bad_term', 'term must be a text of 1 to 256 characters.' );
		}
		return array( 'storefront.search', array( 'term' => $term ) );
	}

	/**
	 * A product's page was shown, or a visitor put the product into a wishlist.
	 *
	 * @param string $event Which of both.
	 * @param mixed  $id    The product's, or a variation's, id.
	 * @return array{string, array<string,mixed>}|\WP_Error
	 */
	private static function of_product( $event, $id ) {
		$product = is_int( $id ) && $id > 0 ? wc_get_product( $id ) : null;
		if ( ! $product || 'publish' !== $product->get_status() ) {
			return new \WP_Error( 'bad_product', 'product_id must be the number of a published product.' );
		}
		return 'pageview' === $event ? array( 'storefront.pageview', self::product( $product ) ) : self::added_to_wishlist( $product );
	}

	/**
	 * Which product it is. As in the order webhook, product_id is the parent and variant_id the variation.
	 *
	 * @param \WC_Product $product The product, or a variation.
	 * @return array<string,string>
	 */
	private static function product( $product ) {
		$variant = $product->is_type( 'variation' ) ? (string) $product->get_id() : '';
		$fields  = array(
			'product_id' => (string) ( '' !== $variant ? $product->get_parent_id() : $product->get_id() ),
			'variant_id' => $variant,
			'sku'        => (string) $product->get_sku(),
		);
		return array_filter( $fields, 'strlen' );
	}
}
