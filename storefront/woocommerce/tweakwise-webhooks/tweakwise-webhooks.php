<?php
/**
 * Plugin Name:          Tweakwise Webhooks for WooCommerce
 * Description:          Sends searches and product views as signed events to your Tweakwise webhook receiver, and lets each order carry the visitor's profile key.
 * Version:              1.0.0
 * Requires at least:    6.1
 * Requires PHP:         7.4
 * Requires Plugins:     woocommerce
 * WC requires at least: 7.2
 * WC tested up to:      10.5
 * Author:               The authors of the Tweakwise webhook receiver
 * License:              MIT
 * Text Domain:          tweakwise-webhooks
 * Domain Path:          /languages
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

const VERSION     = '1.0.0';
const PLUGIN_FILE = __FILE__;

require_once __DIR__ . '/includes/class-settings.php';
require_once __DIR__ . '/includes/class-site.php';
require_once __DIR__ . '/includes/class-consent.php';
require_once __DIR__ . '/includes/class-profile.php';
require_once __DIR__ . '/includes/class-guard.php';
require_once __DIR__ . '/includes/class-receiver.php';
require_once __DIR__ . '/includes/class-events.php';
require_once __DIR__ . '/includes/class-endpoint.php';
require_once __DIR__ . '/includes/class-storefront.php';
require_once __DIR__ . '/includes/class-cart.php';
require_once __DIR__ . '/includes/class-wishlist.php';
require_once __DIR__ . '/includes/class-checkout.php';
require_once __DIR__ . '/includes/class-order-webhooks.php';
require_once __DIR__ . '/includes/class-admin.php';

/**
 * Hook everything in, once WooCommerce is there.
 */
function start() {
	if ( ! class_exists( 'WooCommerce' ) ) {
		return;
	}
	Site::register();
	Consent::register();
	Profile::register();
	Endpoint::register();
	Storefront::register();
	Cart::register();
	Wishlist::register();
	Checkout::register();
	Admin::register();
}
add_action( 'plugins_loaded', __NAMESPACE__ . '\start' );

/**
 * Load the translations that come with the plugin.
 */
function load_translations() {
	load_plugin_textdomain( 'tweakwise-webhooks', false, dirname( plugin_basename( PLUGIN_FILE ) ) . '/languages' );
}
add_action( 'init', __NAMESPACE__ . '\load_translations' );

/**
 * Declare to WooCommerce that the plugin only touches orders through their objects, and works with the block checkout.
 */
function declare_compatibility() {
	if ( class_exists( '\Automattic\WooCommerce\Utilities\FeaturesUtil' ) ) {
		\Automattic\WooCommerce\Utilities\FeaturesUtil::declare_compatibility( 'custom_order_tables', PLUGIN_FILE, true );
		\Automattic\WooCommerce\Utilities\FeaturesUtil::declare_compatibility( 'cart_checkout_blocks', PLUGIN_FILE, true );
	}
}
add_action( 'before_woocommerce_init', __NAMESPACE__ . '\declare_compatibility' );
