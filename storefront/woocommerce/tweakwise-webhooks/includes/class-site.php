<?php
/**
 * Which shop this is.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

/**
 * Stops a copy of the shop (staging, a backup that is tried out) from sending: it has the shop's settings and webhooks.
 *
 * Remembers the addresses and kinds of environment that the settings are for: the first, and those where a button was
 * pressed, since a shop may move or have several.
 */
final class Site {

	const MADE_FOR = Settings::PREFIX . 'made_for';

	/**
	 * Hook in.
	 */
	public static function register() {
		add_action( 'admin_init', array( __CLASS__, 'remember_once' ) );
		add_action( 'admin_notices', array( __CLASS__, 'warn' ) );
		add_filter( 'woocommerce_webhook_should_deliver', array( __CLASS__, 'should_deliver' ), 10, 2 );
	}

	/**
	 * Whether the settings were made for another address, or for another kind of environment.
	 *
	 * @return bool
	 */
	public static function is_copy() {
		$known   = self::made_for();
		$here    = self::here();
		$is_copy = $known && '' !== $here[0] && ! array_filter(
			$known,
			function ( $one ) use ( $here ) {
				return $one === $here || array( $one[0], 'production' ) === $here;
			}
		);
		/**
		 * Filters whether this is a copy of the shop, which sends nothing.
		 *
		 * @param bool $is_copy Whether the address or the kind of environment is not that of the settings.
		 */
		return (bool) apply_filters( 'tweakwise_webhooks_is_copy', $is_copy );
	}

	/**
	 * From now on the settings are those of the shop at this address as well.
	 */
	public static function remember() {
		$lines = array();
		foreach ( array_merge( self::made_for(), array( self::here() ) ) as list( $address, $kind ) ) {
			// Backwards: tools that make copies replace the address wherever the database has it.
			$lines[] = strrev( $address ) . ' ' . $kind;
		}
		update_option( self::MADE_FOR, implode( "\n", array_unique( $lines ) ) );
	}

	/**
	 * Remember the address of a shop that has settings and does not remember any.
	 */
	public static function remember_once() {
		if ( Settings::is_ready() && ! self::made_for() && '' !== self::here()[0] ) {
			self::remember();
		}
	}

	/**
	 * Stop the order webhooks of a copy.
	 *
	 * @param bool        $should_deliver What WooCommerce decided.
	 * @param \WC_Webhook $webhook        The webhook.
	 * @return bool
	 */
	public static function should_deliver( $should_deliver, $webhook ) {
		return $should_deliver && ! ( Settings::names_a_receiver( $webhook->get_delivery_url() ) && self::is_copy() );
	}

	/**
	 * Show in the admin that a copy sends nothing.
	 */
	public static function warn() {
		if ( Settings::is_ready() && self::is_copy() && current_user_can( Admin::CAPABILITY ) ) {
			printf( '<div class="notice notice-warning"><p>%s</p></div>', esc_html( self::warning() ) );
		}
	}

	/**
	 * Why nothing is sent, and what to do.
	 *
	 * @return string
	 */
	public static function warning() {
		$known                    = self::made_for();
		list( $address, $kind )   = $known ? end( $known ) : array( '', '' );
		list( $here, $this_kind ) = self::here();
		return sprintf(
			/* translators: 1: address of the shop, 2: its kind of environment, 3: address of this site, 4: its kind of environment */
			__( 'Tweakwise Webhooks sends nothing: its settings were made for %1$s (%2$s), and this is %3$s (%4$s). On a copy of the shop, leave it so. If the shop has moved, press "Send from this address" in WooCommerce > Settings > Tweakwise.', 'tweakwise-webhooks' ),
			$address,
			$kind,
			$here,
			$this_kind
		);
	}

	/**
	 * The addresses and kinds of environment that the settings are for.
	 *
	 * @return array<array{string, string}>
	 */
	private static function made_for() {
		$known = array();
		foreach ( array_filter( explode( "\n", (string) get_option( self::MADE_FOR, '' ) ) ) as $line ) {
			list( $address, $kind ) = explode( ' ', $line ) + array( '', '' );
			$known[]                = array( strrev( $address ), $kind );
		}
		return $known;
	}

	/**
	 * The address and the kind of environment of this site.
	 *
	 * Not home_url(), nor the filtered option: plugins for languages give each language its own.
	 *
	 * @return array{string, string} The address without scheme and "www."; "" where it is not known, as on a command line.
	 */
	private static function here() {
		$home  = defined( 'WP_HOME' ) ? WP_HOME : ( wp_load_alloptions()['home'] ?? '' );
		$parts = wp_parse_url( (string) $home );
		$host  = is_array( $parts ) && isset( $parts['host'] ) ? preg_replace( '/\Awww\./', '', strtolower( $parts['host'] ) ) : '';
		$port  = isset( $parts['port'] ) ? ':' . $parts['port'] : '';
		$path  = isset( $parts['path'] ) ? untrailingslashit( $parts['path'] ) : '';
		return array( '' !== $host ? $host . $port . $path : '', wp_get_environment_type() );
	}
}
