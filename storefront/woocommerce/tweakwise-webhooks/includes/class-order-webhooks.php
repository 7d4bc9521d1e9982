<?php
/**
 * The webhooks of orders.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

/**
 * Makes WooCommerce's own webhooks for orders, with the secret and the address of the settings.
 */
final class Order_Webhooks {

	const TOPICS = array( 'order.created', 'order.updated' );
	const MADE   = Settings::PREFIX . 'made';

	/**
	 * Make what is missing, and set right what is there.
	 *
	 * @return array{bool, string} Whether all is well, and what was done.
	 */
	public static function make() {
		if ( ! Settings::is_ready() ) {
			return array( false, __( 'Save an address and a secret first.', 'tweakwise-webhooks' ) );
		}
		$done = array();
		$well = true;
		foreach ( self::TOPICS as $topic ) {
			$answer = self::set_right( $topic )->deliver_ping();
			$well   = $well && true === $answer;
			/* translators: %s: topic of a webhook */
			$done[] = true === $answer ? sprintf( __( '%s is active, and the receiver answered its ping.', 'tweakwise-webhooks' ), $topic ) : $topic . ': ' . $answer->get_error_message();
		}
		return array( $well, implode( ' ', $done ) );
	}

	/**
	 * Delete the webhooks that the plugin made.
	 */
	public static function delete_made() {
		foreach ( array_map( 'intval', (array) get_option( self::MADE, array() ) ) as $id ) {
			$webhook = function_exists( 'wc_get_webhook' ) ? wc_get_webhook( $id ) : null;
			if ( $webhook ) {
				$webhook->delete( true );
			}
		}
	}

	/**
	 * The webhook of a topic, active, with today's secret.
	 *
	 * @param string $topic Such as "order.created".
	 * @return \WC_Webhook
	 */
	private static function set_right( $topic ) {
		$webhook = self::find( $topic );
		$is_new  = ! $webhook;
		$webhook = $is_new ? new \WC_Webhook() : $webhook;
		if ( $is_new ) {
			$webhook->set_name( 'Tweakwise ' . $topic );
			$webhook->set_topic( $topic );
			$webhook->set_delivery_url( Settings::url() );
			$webhook->set_api_version( 'wp_api_v3' );
		}
		// WooCommerce reads the order with the rights of this user.
		$webhook->set_user_id( get_current_user_id() );
		$webhook->set_secret( Settings::secret() );
		$webhook->set_status( 'active' );
		$webhook->set_failure_count( 0 );
		$webhook->save();
		if ( $is_new ) {
			update_option( self::MADE, array_merge( (array) get_option( self::MADE, array() ), array( $webhook->get_id() ) ), false );
		}
		return $webhook;
	}

	/**
	 * The webhook of a topic that posts to the receiver, if there is one.
	 *
	 * @param string $topic Such as "order.created".
	 * @return \WC_Webhook|null
	 */
	private static function find( $topic ) {
		$store = \WC_Data_Store::load( 'webhook' );
		foreach ( $store->get_webhooks_ids() as $id ) {
			$webhook = wc_get_webhook( $id );
			if ( $webhook && $topic === $webhook->get_topic() && untrailingslashit( $webhook->get_delivery_url() ) === untrailingslashit( Settings::url() ) ) {
				return $webhook;
			}
		}
		return null;
	}
}
