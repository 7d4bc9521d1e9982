<?php
/**
 * Stands in for the parts of WooCommerce that the plugin calls.
 */

class WooCommerce {
}

class WC_AJAX {
	public static function get_endpoint( $name ) {
		return "/?wc-ajax=$name";
	}
}

class WC_Product {
	const ALL = array(
		10 => array( 'sku' => 'MUG-BLUE', 'price' => 21.40 ),
		11 => array( 'sku' => '', 'price' => 4.00 ),
		14 => array( 'sku' => 'TSHIRT', 'price' => 16.49 ),
		16 => array( 'sku' => 'TSHIRT-M', 'price' => 16.49, 'parent' => 14 ),
		18 => array( 'sku' => 'SECRET', 'price' => 1.00, 'status' => 'draft' ),
	);

	private $id;

	public function __construct( $id ) {
		$this->id = $id;
	}

	public function get_id() {
		return $this->id;
	}

	public function get_status() {
		return self::ALL[ $this->id ]['status'] ?? 'publish';
	}

	public function get_sku() {
		return self::ALL[ $this->id ]['sku'];
	}

	public function get_parent_id() {
		return self::ALL[ $this->id ]['parent'] ?? 0;
	}

	public function is_type( $type ) {
		return 'variation' === $type && $this->get_parent_id() > 0;
	}

	public function get_price() {
		return self::ALL[ $this->id ]['price'];
	}
}

function wc_get_product( $id ) {
	return isset( WC_Product::ALL[ $id ] ) ? new WC_Product( $id ) : false;
}

function wc_get_price_excluding_tax( $product, $arguments ) {
	return $product->get_price() * $arguments['qty'];
}

function wc_get_checkout_url() {
	return home_url( '/checkout' );
}

function wc_get_price_decimals() {
	return 2;
}

function wc_format_decimal( $number, $decimals ) {
	return number_format( $number, $decimals, '.', '' );
}

function get_woocommerce_currency() {
	return 'EUR';
}

class Stand_In_Logger {
	public function error( $message, $context ) {
		state( 'log', fn( $now ) => array( ...$now, $message ) );
	}
}

function wc_get_logger() {
	return new Stand_In_Logger();
}

/** An order of one product; as JSON it has the fields of the REST API's order that matter. */
class WC_Order {
	private $meta = array();
	private $fields;

	public function __construct( $number, $product, $user ) {
		$now        = gmdate( 'Y-m-d\TH:i:s' );
		$line       = array( 'id' => 1, 'product_id' => $product, 'variation_id' => 0, 'quantity' => 1, 'sku' => '', 'total' => '21.40', 'meta_data' => array() );
		$this->fields = array(
			'id'               => $number,
			'status'           => 'processing',
			'currency'         => 'EUR',
			'date_created_gmt' => $now,
			'date_paid_gmt'    => $now,
			'total'            => '21.40',
			'customer_id'      => $user,
			'line_items'       => array( $line ),
		);
	}

	public function update_meta_data( $key, $value ) {
		if ( get_option( 'stand_in_broken_order', false ) ) {
			throw new RuntimeException( 'the order does not want it' );
		}
		$this->meta[] = array( 'id' => count( $this->meta ) + 1, 'key' => $key, 'value' => $value );
	}

	public function save() {
		set_state( 'orders', (string) $this->fields['id'], $this->as_json() );
	}

	public function as_json() {
		return $this->fields + array( 'meta_data' => $this->meta );
	}
}

/** WC_Webhook: kept in the shop's state, signed as WooCommerce signs. */
class WC_Webhook {
	public $fields = array( 'id' => 0, 'status' => 'active', 'secret' => '', 'user_id' => 1, 'api_version' => 'wp_api_v3', 'failure_count' => 0 );

	public static function load( $id ) {
		$webhook       = new self();
		$webhook->fields = state( 'webhooks' )[ $id ] + $webhook->fields;
		return $webhook;
	}

	public function __call( $name, $arguments ) {
		list( $what, $property ) = explode( '_', $name, 2 );
		if ( 'set' === $what ) {
			$this->fields[ $property ] = $arguments[0];
		}
		return $this->fields[ $property ];
	}

	public function save() {
		$this->fields['id'] = $this->fields['id'] ? $this->fields['id'] : max( array( 0, ...array_keys( state( 'webhooks' ) ) ) ) + 1;
		set_state( 'webhooks', (string) $this->fields['id'], $this->fields );
	}

	public function delete( $force ) {
		set_state( 'webhooks', (string) $this->fields['id'], null );
	}

	public function deliver_ping() {
		$answer = wp_safe_remote_post( $this->fields['delivery_url'], array( 'body' => 'webhook_id=' . $this->fields['id'] ) );
		if ( is_wp_error( $answer ) ) {
			return new WP_Error( 'error', 'Error: Delivery URL cannot be reached: ' . $answer->get_error_message() );
		}
		$code = wp_remote_retrieve_response_code( $answer );
		return 200 === $code ? true : new WP_Error( 'error', "Error: Delivery URL returned response code: $code" );
	}

	public function deliver( $order ) {
		if ( ! apply_filters( 'woocommerce_webhook_should_deliver', 'active' === $this->fields['status'], $this ) ) {
			return;
		}
		$body    = trim( json_encode( $order->as_json() ) );
		$headers = array(
			'Content-Type'           => 'application/json',
			'X-WC-Webhook-Source'    => home_url( '/' ),
			'X-WC-Webhook-Topic'     => $this->fields['topic'],
			'X-WC-Webhook-Signature' => base64_encode( hash_hmac( 'sha256', $body, html_entity_decode( $this->fields['secret'] ), true ) ),
		);
		wp_safe_remote_post( $this->fields['delivery_url'], array( 'headers' => $headers, 'body' => $body ) );
	}
}

class WC_Data_Store {
	public static function load( $what ) {
		return new self();
	}

	public function get_webhooks_ids() {
		return array_keys( state( 'webhooks' ) );
	}
}

function wc_get_webhook( $id ) {
	return isset( state( 'webhooks' )[ $id ] ) ? WC_Webhook::load( $id ) : null;
}

class WC_Settings_Page {
	public $id;
	public $label;

	public function __construct() {
	}

	public function get_settings() {
		return $this->get_settings_for_default_section();
	}
}

/** Saves fields as WooCommerce does: a filter for each option has the last word. */
class WC_Admin_Settings {
	public static $errors = array();

	public static function add_error( $message ) {
		self::$errors[] = $message;
	}

	/** What a form has in its fields: the browser decodes entities. */
	public static function shown( $fields ) {
		$shown = array();
		foreach ( $fields as $field ) {
			if ( isset( $field['id'] ) && in_array( $field['type'], array( 'url', 'password', 'select' ), true ) ) {
				$value                 = $field['value'] ?? stripslashes( get_option( $field['id'], $field['default'] ?? '' ) );
				$shown[ $field['id'] ] = html_entity_decode( esc_attr( $value ), ENT_QUOTES );
			}
		}
		return $shown;
	}

	public static function save_fields( $fields, $data ) {
		foreach ( $fields as $field ) {
			$raw = isset( $field['id'], $data[ $field['id'] ] ) ? wp_unslash( $data[ $field['id'] ] ) : null;
			if ( null !== $raw ) {
				$cleaned = trim( strip_tags( preg_replace( '/%[a-f0-9]{2}/i', '', $raw ) ) );
				update_option( $field['id'], apply_filters( "woocommerce_admin_settings_sanitize_option_{$field['id']}", $cleaned, $field, $raw ) );
			}
		}
	}
}
