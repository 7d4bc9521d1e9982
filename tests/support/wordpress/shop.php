<?php
/**
 * A small shop for PHP's built-in server: WordPress and WooCommerce stood in for, the real plugin in it, and a full-page
 * cache in front of it that gives every visitor the same bytes.
 */

$path   = parse_url( $_SERVER['REQUEST_URI'], PHP_URL_PATH );
$plugin = dirname( __DIR__, 3 ) . '/storefront/woocommerce/tweakwise-webhooks';

if ( preg_match( '#\A/wp-content/plugins/tweakwise-webhooks/(assets/\w+\.js)\z#', $path, $parts ) ) {
	header( 'Content-Type: text/javascript' );
	readfile( "$plugin/{$parts[1]}" );
	return;
}

// Servers that are no receiver.
if ( preg_match( '#\A/(shop|moved)/webhooks/#', $path, $parts ) ) {
	http_response_code( 'moved' === $parts[1] ? 301 : 200 );
	exit( '<!doctype html><title>A page</title>' );
}

// Whatever a page sets, a cache may keep: only what is not GET, and WooCommerce's AJAX, passes it.
$cached = getenv( 'SHOP_STATE' ) . '/page-' . md5( $_SERVER['REQUEST_URI'] ) . '.html';
$fixed  = 'GET' === $_SERVER['REQUEST_METHOD'] && ! isset( $_GET['wc-ajax'] ) && ! isset( $_GET['add-to-cart'] ) && ! isset( $_GET['wishlist'] ) && 0 !== strpos( $path, '/wp-admin' );
if ( $fixed && file_exists( $cached ) ) {
	header( 'X-Cache: hit' );
	readfile( $cached );
	return;
}

require __DIR__ . '/wordpress.php';
require __DIR__ . '/woocommerce.php';
require "$plugin/tweakwise-webhooks.php";

add_slashes_to_input();
do_action( 'plugins_loaded' );
do_action( 'before_woocommerce_init' );
do_action( 'init' );

if ( isset( $_GET['wc-ajax'] ) ) {
	do_action( 'wc_ajax_' . $_GET['wc-ajax'] );
	exit;
}

if ( isset( $_GET['wishlist'] ) ) {
	// As YITH's, WPC's and TI's plugins do.
	$product = (int) $_GET['product'];
	$data    = 'tinvwl_product_added' === $_GET['wishlist'] ? array( 'product_id' => 14, 'variation_id' => $product, 'quantity' => 1 ) : $product;
	do_action( $_GET['wishlist'], $data, 3, 0 );
	exit( 'added' );
}

if ( isset( $_GET['add-to-cart'] ) && ! isset( $_GET['shown'] ) ) {
	$product = wc_get_product( (int) $_GET['add-to-cart'] );
	$parent  = $product->get_parent_id();
	$item    = isset( $_GET['bundled_by'] ) ? array( 'bundled_by' => $_GET['bundled_by'] ) : array();
	do_action( 'woocommerce_add_to_cart', 'item', $parent ? $parent : $product->get_id(), (int) ( $_GET['quantity'] ?? 1 ), $parent ? $product->get_id() : 0, array(), $item );
	setcookie( 'woocommerce_items_in_cart', '1' );
	exit( 'added' );
}

/** Place an order, and let WooCommerce's webhooks report it. */
function place_order( $hook ) {
	$number = random_int( 1000, 1000000 );
	if ( isset( $_POST['register'] ) ) {
		// WooCommerce makes the account, logs it in, and goes on with the same request.
		$GLOBALS['user'] = (int) $_POST['register'];
		wp_set_auth_cookie( $GLOBALS['user'] );
		do_action( 'woocommerce_created_customer', $GLOBALS['user'] );
	}
	$order = new WC_Order( $number, (int) $_POST['product'], get_current_user_id() );
	do_action( $hook, $order );
	if ( 'woocommerce_checkout_create_order' === $hook ) {
		$order->save();
	}
	foreach ( array_keys( state( 'webhooks' ) ) as $id ) {
		WC_Webhook::load( $id )->deliver( $order );
	}
	exit( "<!doctype html><title>Thank you</title><p id=order>$number</p>" );
}

if ( 'POST' === $_SERVER['REQUEST_METHOD'] && 0 !== strpos( $path, '/product/' ) ) {
	switch ( $path ) {
		case '/checkout':
			place_order( 'woocommerce_checkout_create_order' );
		case '/block-checkout':
			place_order( 'woocommerce_store_api_checkout_update_order_meta' );
		case '/login':
			wp_set_auth_cookie( (int) $_POST['user'] );
			exit( '<!doctype html><title>Logged in</title>' );
		case '/logout':
			wp_logout();
			exit( '<!doctype html><title>Logged out</title>' );
		case '/wp-admin/admin-ajax.php':
			do_action( 'wp_ajax_' . $_POST['action'] );
			exit( '0' );
		case '/wp-admin/options':
			$pages = apply_filters( 'woocommerce_get_settings_pages', array() );
			if ( isset( $_POST['as_shown'] ) ) {
				wp_send_json( WC_Admin_Settings::shown( $pages[0]->get_settings() ) );
			}
			WC_Admin_Settings::save_fields( $pages[0]->get_settings(), $_POST );
			do_action( 'woocommerce_update_options_tweakwise' );
			wp_send_json( WC_Admin_Settings::$errors );
		case '/wp-admin/erase':
			wp_send_json( apply_filters( 'woocommerce_privacy_remove_order_personal_data_meta_value', '[deleted]', $_POST['meta'] ) );
		case '/wp-admin/privacy':
			wp_send_json( apply_filters( "woocommerce_privacy_{$_POST['what']}_order_personal_data_meta", array() ) );
		case '/wp-admin/uninstall':
			define( 'WP_UNINSTALL_PLUGIN', 'tweakwise-webhooks/tweakwise-webhooks.php' );
			require "$plugin/uninstall.php";
			exit( 'gone' );
	}
}

if ( '/wp-admin/admin.php' === $path ) {
	$asked['admin'] = true;
	do_action( 'admin_init' );
	do_action( 'admin_enqueue_scripts' );
	echo '<!doctype html><title>Settings</title>';
	do_action( 'admin_notices' );
	echo '<table>';
	do_action( 'woocommerce_admin_field_tweakwise_webhooks_actions', array() );
	echo '</table>';
	print_scripts();
	exit;
}

$asked['feed']    = '/feed' === $path;
$asked['preview'] = isset( $_GET['preview'] );
$asked['search']  = isset( $_GET['s'] ) ? wp_unslash( $_GET['s'] ) : null;
$asked['page']    = (int) ( $_GET['paged'] ?? 1 );
$asked['product'] = preg_match( '#\A/product/(\d+)\z#', $path, $parts ) ? (int) $parts[1] : 0;

ob_start();
do_action( 'wp_enqueue_scripts' );
?>
<!doctype html>
<html lang="nl-NL">
<head>
<title>Shop</title>
<link rel="icon" href="data:,">
<?php
print_scripts();
if ( get_option( 'stand_in_consent_api', false ) ) {
	// The part of the WP Consent API that runs in the page, and a banner with two buttons.
	?>
<script>
	function wp_has_consent( category ) { return document.cookie.includes( 'wp_consent_' + category + '=allow' ); }
	function wp_set_consent( category, value ) {
		document.cookie = 'wp_consent_' + category + '=' + value + '; path=/';
		document.dispatchEvent( new CustomEvent( 'wp_listen_for_consent_change', { detail: { [ category ]: value } } ) );
	}
</script>
	<?php
}
?>
</head>
<body>
<button id="yes" onclick="wp_set_consent( 'marketing', 'allow' )">Yes</button>
<button id="no" onclick="wp_set_consent( 'marketing', 'deny' )">No</button>
<form action="/"><input type="search" name="s"><input type="hidden" name="post_type" value="product"></form>
<form method="post"><button id="add" name="add-to-cart" value="10">Add</button></form>
<form action="/checkout" method="post"><input type="hidden" name="product" value="10"><button id="buy">Buy</button></form>
<form action="/login" method="post"><input type="hidden" name="user" value="7"><button id="login">Log in</button></form>
<form action="/logout" method="post"><button id="logout">Log out</button></form>
</body>
</html>
<?php
if ( $fixed ) {
	file_put_contents( $cached, ob_get_contents() );
}
ob_end_flush();
