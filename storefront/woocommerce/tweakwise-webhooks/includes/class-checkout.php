<?php
/**
 * The checkout.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

/**
 * Lets the order carry the visitor's key; the order webhook brings it to the receiver.
 */
final class Checkout {

	const META = '_tweakwise_profile_key';

	/**
	 * Hook in.
	 */
	public static function register() {
		add_action( 'woocommerce_checkout_create_order', array( __CLASS__, 'carry' ) );
		add_action( 'woocommerce_store_api_checkout_update_order_meta', array( __CLASS__, 'carry_and_save' ) );
		// WordPress's tools that export and erase what is stored of a customer.
		add_filter( 'woocommerce_privacy_export_order_personal_data_meta', array( __CLASS__, 'export' ) );
		add_filter( 'woocommerce_privacy_remove_order_personal_data_meta', array( __CLASS__, 'erase' ) );
		add_filter( 'woocommerce_privacy_remove_order_personal_data_meta_value', array( __CLASS__, 'erased' ), 10, 2 );
	}

	/**
	 * Classic checkout; WooCommerce saves the order itself. A mistake here must never break the checkout.
	 *
	 * @param \WC_Order $order The order.
	 * @return bool Whether the order carries a key now.
	 */
	public static function carry( $order ) {
		try {
			$key = Consent::is_remembered() && ! Guard::is_staff() ? self::key() : '';
			if ( '' !== $key ) {
				$order->update_meta_data( self::META, $key );
			}
			return '' !== $key;
		} catch ( \Throwable $error ) {
			wc_get_logger()->error( $error->getMessage(), array( 'source' => 'tweakwise-webhooks' ) );
			return false;
		}
	}

	/**
	 * Block checkout, which has saved the order already.
	 *
	 * @param \WC_Order $order The order.
	 */
	public static function carry_and_save( $order ) {
		if ( self::carry( $order ) ) {
			$order->save();
		}
	}

	/**
	 * Name the key among what is exported.
	 *
	 * @param array $meta Titles by meta key.
	 * @return array
	 */
	public static function export( $meta ) {
		return $meta + array( self::META => __( 'Tweakwise profile key', 'tweakwise-webhooks' ) );
	}

	/**
	 * Name the key among what is erased.
	 *
	 * @param array $meta Kinds of data by meta key.
	 * @return array
	 */
	public static function erase( $meta ) {
		return $meta + array( self::META => 'text' );
	}

	/**
	 * Leave nothing in place of the key: WordPress would write "[deleted]" there, which is no key.
	 *
	 * @param string $value What takes the place of a value.
	 * @param string $meta  The meta key.
	 * @return string
	 */
	public static function erased( $value, $meta ) {
		return self::META === $meta ? '' : $value;
	}

	/**
	 * The key that this visitor's views were sent with.
	 *
	 * A visitor who logs in on the way to the checkout, or creates an account there, has searched and looked as a guest:
	 * that key joins them to the purchase. The first view with the account replaces it.
	 *
	 * @return string
	 */
	private static function key() {
		return Profile::is_guests( Profile::carried() ) ? Profile::carried() : Profile::current();
	}
}
