<?php
/**
 * Removes what the plugin keeps: its settings, its counters, and the webhooks that it made.
 *
 * Orders keep the key that they carry: it belongs to them.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

require_once __DIR__ . '/includes/class-settings.php';
require_once __DIR__ . '/includes/class-order-webhooks.php';

/**
 * Clean the current site.
 */
function clean_site() {
	global $wpdb;
	Order_Webhooks::delete_made();
	foreach ( array( 'url', 'secret', 'salt', 'consent', 'category', 'staff', 'addtocart', 'wishlist', 'sessionstart', 'made', 'made_for' ) as $name ) {
		delete_option( Settings::PREFIX . $name );
	}
	foreach ( array( '', '_transient_', '_transient_timeout_' ) as $prefix ) {
		$counters = $wpdb->esc_like( $prefix . Settings::PREFIX ) . '%';
		// phpcs:ignore WordPress.DB.DirectDatabaseQuery -- options have no function that deletes by prefix.
		$wpdb->query( $wpdb->prepare( "DELETE FROM {$wpdb->options} WHERE option_name LIKE %s", $counters ) );
	}
}

if ( is_multisite() ) {
	foreach ( get_sites(
		array(
			'fields' => 'ids',
			'number' => 0,
		)
	) as $site ) {
		switch_to_blog( $site );
		clean_site();
		restore_current_blog();
	}
} else {
	clean_site();
}
