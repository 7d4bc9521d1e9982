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

	const VERSION = 'wp_api_v3';

	/**
	 * Make what is missing, and repair all that is there.
	 *
	 * @return array{bool, string} Whether all is well, and what was done.
	 */
	public static function make() {
		$done = array();
		$well = true;
		foreach ( self::TOPICS as $topic ) {
			$webhooks = self::to_repair( $topic );
			self::delete_left_over( $topic, $webhooks );
			foreach ( $webhooks ? $webhooks : array( self::add( $topic ) ) as $webhook ) {
				$answer = self::repair( $webhook )->deliver_ping();
				$well   = $well && true === $answer;
				/* translators: %s: topic of a webhook */
				$done[] = true === $answer ? sprintf( __( '%s is active, and the receiver answered its ping.', 'tweakwise-webhooks' ), $topic ) : $topic . ': ' . $answer->get_error_message();
			}
		}
		return array( $well, implode( ' ', $done ) );
	}

	/**
	 * What is the matter with the order webhooks, one sentence each, also where nothing is.
	 *
	 * @return array<array{bool, string}> Whether all is well, and the sentence.
	 */
	public static function states() {
		$states = array();
		foreach ( self::TOPICS as $topic ) {
			$webhooks = self::of_receivers( $topic );
			if ( ! $webhooks ) {
				/* translators: %s: topic of a webhook */
				$states[] = array( false, sprintf( __( '%s: there is no webhook.', 'tweakwise-webhooks' ), $topic ) );
			}
			foreach ( $webhooks as $webhook ) {
				$faults   = self::faults( $webhook );
				$what     = $faults ? implode( ', ', $faults ) : __( 'active', 'tweakwise-webhooks' );
				$states[] = array( ! $faults, sprintf( '%s (%d): %s.', $topic, $webhook->get_id(), $what ) );
			}
		}
		return $states;
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
	 * What keeps a webhook from reaching the receiver.
	 *
	 * @param \WC_Webhook $webhook The webhook.
	 * @return string[]
	 */
	private static function faults( $webhook ) {
		$faults = array();
		if ( 'active' !== $webhook->get_status() ) {
			$faults[] = 'paused' === $webhook->get_status() ? __( 'paused', 'tweakwise-webhooks' ) : __( 'disabled', 'tweakwise-webhooks' );
		}
		if ( ! Settings::is_same_url( $webhook->get_delivery_url(), Settings::url() ) ) {
			/* translators: %s: address */
			$faults[] = sprintf( __( 'posts to another address, %s', 'tweakwise-webhooks' ), $webhook->get_delivery_url() );
		}
		if ( Settings::secret() !== $webhook->get_secret() ) {
			$faults[] = __( 'has another secret', 'tweakwise-webhooks' );
		}
		if ( self::VERSION !== $webhook->get_api_version() ) {
			$faults[] = __( 'has another API version', 'tweakwise-webhooks' );
		}
		// phpcs:ignore WordPress.WP.Capabilities.Unknown -- WooCommerce's.
		if ( ! user_can( $webhook->get_user_id(), 'read_private_shop_orders' ) ) {
			$faults[] = __( 'its user may not read orders', 'tweakwise-webhooks' );
		}
		$failures = (int) $webhook->get_failure_count();
		if ( $failures > 0 ) {
			/* translators: %d: number of failures */
			$faults[] = sprintf( _n( '%d failure in a row', '%d failures in a row', $failures, 'tweakwise-webhooks' ), $failures );
		}
		return $faults;
	}

	/**
	 * The webhooks of a topic that are repaired: all with the receiver's address; where there is none, those that the
	 * plugin made for another one; or else those with any receiver's.
	 *
	 * @param string $topic Such as "order.created".
	 * @return \WC_Webhook[]
	 */
	private static function to_repair( $topic ) {
		$all  = self::of_receivers( $topic );
		$here = array_filter(
			$all,
			function ( $webhook ) {
				return Settings::is_same_url( $webhook->get_delivery_url(), Settings::url() );
			}
		);
		$own  = array_filter( $all, array( __CLASS__, 'is_own' ) );
		return $here ? $here : ( $own ? $own : $all );
	}

	/**
	 * Delete the plugin's webhooks of a topic that would post to an earlier address besides those that are repaired.
	 *
	 * @param string        $topic    Such as "order.created".
	 * @param \WC_Webhook[] $repaired Those that are repaired.
	 */
	private static function delete_left_over( $topic, array $repaired ) {
		foreach ( array_filter( self::of_receivers( $topic ), array( __CLASS__, 'is_own' ) ) as $id => $webhook ) {
			if ( ! isset( $repaired[ $id ] ) ) {
				$webhook->delete( true );
			}
		}
	}

	/**
	 * Whether the plugin made a webhook.
	 *
	 * @param \WC_Webhook $webhook The webhook.
	 * @return bool
	 */
	private static function is_own( $webhook ) {
		return in_array( (int) $webhook->get_id(), array_map( 'intval', (array) get_option( self::MADE, array() ) ), true );
	}

	/**
	 * The webhooks of a topic that post to any receiver by their numbers, oldest first.
	 *
	 * @param string $topic Such as "order.created".
	 * @return \WC_Webhook[]
	 */
	private static function of_receivers( $topic ) {
		$found = array();
		foreach ( \WC_Data_Store::load( 'webhook' )->get_webhooks_ids() as $id ) {
			$webhook = wc_get_webhook( $id );
			if ( $webhook && $topic === $webhook->get_topic() && Settings::names_a_receiver( $webhook->get_delivery_url() ) ) {
				$found[ (int) $id ] = $webhook;
			}
		}
		ksort( $found );
		return $found;
	}

	/**
	 * A new webhook.
	 *
	 * @param string $topic Such as "order.created".
	 * @return \WC_Webhook
	 */
	private static function add( $topic ) {
		$webhook = new \WC_Webhook();
		$webhook->set_name( 'Tweakwise ' . $topic );
		$webhook->set_topic( $topic );
		self::repair( $webhook );
		update_option( self::MADE, array_merge( (array) get_option( self::MADE, array() ), array( $webhook->get_id() ) ), false );
		return $webhook;
	}

	/**
	 * Let a webhook reach the receiver.
	 *
	 * @param \WC_Webhook $webhook The webhook.
	 * @return \WC_Webhook
	 */
	private static function repair( $webhook ) {
		// WooCommerce reads the order with the rights of this user.
		$webhook->set_user_id( get_current_user_id() );
		$webhook->set_delivery_url( Settings::url() );
		$webhook->set_secret( Settings::secret() );
		$webhook->set_api_version( self::VERSION );
		$webhook->set_status( 'active' );
		$webhook->set_failure_count( 0 );
		$webhook->save();
		return $webhook;
	}
}
