<?php
/**
 * Stands in for the functions of WordPress that the plugin calls; nothing of the plugin is stood in for.
 *
 * Hooks work as in WordPress. Options, transients and what is sent lie in the folder SHOP_STATE.
 */

define( 'ABSPATH', __DIR__ . '/' );
define( 'MINUTE_IN_SECONDS', 60 );
define( 'YEAR_IN_SECONDS', 365 * 24 * 60 * 60 );
define( 'COOKIEPATH', '/' );
define( 'COOKIE_DOMAIN', false );

$hooks = array();
$done  = array();

function add_filter( $hook, $callback, $priority = 10, $arguments = 1 ) {
	$GLOBALS['hooks'][ $hook ][ $priority ][] = array( $callback, $arguments );
}

function add_action( $hook, $callback, $priority = 10, $arguments = 1 ) {
	add_filter( $hook, $callback, $priority, $arguments );
}

function apply_filters( $hook, $value, ...$more ) {
	$known = $GLOBALS['hooks'][ $hook ] ?? array();
	ksort( $known );
	foreach ( $known as $callbacks ) {
		foreach ( $callbacks as list( $callback, $arguments ) ) {
			$value = $callback( ...array_slice( array( $value, ...$more ), 0, $arguments ) );
		}
	}
	return $value;
}

function do_action( $hook, ...$values ) {
	$GLOBALS['done'][ $hook ] = ( $GLOBALS['done'][ $hook ] ?? 0 ) + 1;
	$known = $GLOBALS['hooks'][ $hook ] ?? array();
	ksort( $known );
	foreach ( $known as $callbacks ) {
		foreach ( $callbacks as list( $callback, $arguments ) ) {
			$callback( ...array_slice( $values, 0, $arguments ) );
		}
	}
}

function did_action( $hook ) {
	return $GLOBALS['done'][ $hook ] ?? 0;
}

function __return_true() {
	return true;
}

register_shutdown_function( 'do_action', 'shutdown' );

/** Change one JSON file of the shop's state, alone. */
function state( $name, ?callable $change = null ) {
	$file = fopen( getenv( 'SHOP_STATE' ) . "/$name.json", 'c+' );
	flock( $file, LOCK_EX );
	$now = json_decode( (string) stream_get_contents( $file ), true ) ?? array();
	if ( $change ) {
		$now = $change( $now );
		ftruncate( $file, 0 );
		rewind( $file );
		fwrite( $file, json_encode( $now, JSON_FORCE_OBJECT ) );
	}
	fclose( $file );
	return $now;
}

function set_state( $name, $key, $value ) {
	state(
		$name,
		function ( $now ) use ( $key, $value ) {
			$now[ $key ] = $value;
			if ( null === $value ) {
				unset( $now[ $key ] );
			}
			return $now;
		}
	);
}

function get_option( $name, $default = false ) {
	return state( 'options' )[ $name ] ?? $default;
}

function wp_load_alloptions() {
	return array( 'home' => get_option( 'stand_in_home', home_url() ) );
}

function update_option( $name, $value, $autoload = null ) {
	set_state( 'options', $name, $value );
}

function delete_option( $name ) {
	set_state( 'options', $name, null );
}

function get_transient( $name ) {
	$known = state( 'transients' )[ $name ] ?? null;
	return $known && $known['until'] > time() ? array_values( (array) $known['value'] ) : false;
}

function set_transient( $name, $value, $life ) {
	set_state( 'transients', $name, array( 'until' => time() + $life, 'value' => $value ) );
}

function __( $text, $domain ) {
	return $text;
}

function _n( $one, $many, $number, $domain ) {
	return 1 === $number ? $one : $many;
}

function esc_html__( $text, $domain ) {
	return esc_html( $text );
}

function esc_html( $text ) {
	return htmlspecialchars( $text, ENT_QUOTES );
}

/** Entities stay as they are. */
function esc_attr( $text ) {
	return htmlspecialchars( $text, ENT_QUOTES, 'UTF-8', false );
}

function esc_url( $url ) {
	return htmlspecialchars( $url, ENT_QUOTES );
}

function esc_url_raw( $url ) {
	return str_replace( array( ' ', '"', '<', '>' ), array( '%20', '', '', '' ), $url );
}

function sanitize_key( $key ) {
	return preg_replace( '/[^a-z0-9_-]/', '', strtolower( $key ) );
}

function wp_unslash( $value ) {
	return is_array( $value ) ? array_map( 'wp_unslash', $value ) : stripslashes( $value );
}

/** WordPress adds slashes to everything that comes from outside. */
function add_slashes_to_input() {
	foreach ( array( '_GET', '_POST', '_COOKIE', '_SERVER' ) as $name ) {
		$GLOBALS[ $name ] = array_map( fn( $value ) => is_string( $value ) ? addslashes( $value ) : $value, $GLOBALS[ $name ] );
	}
}

function wp_check_invalid_utf8( $text ) {
	return preg_match( '/^./us', $text ) ? $text : '';
}

function wp_json_encode( $value, $flags = 0 ) {
	return json_encode( $value, $flags );
}

function wp_hash( $text ) {
	return hash_hmac( 'md5', $text, 'salt of the stand-in' );
}

function wp_generate_uuid4() {
	return preg_replace( '/(.{8})(.{4}).(.{3}).(.{3})(.{12})/', '$1-$2-4$3-8$4-$5', bin2hex( random_bytes( 16 ) ) );
}

function wp_parse_url( $url, $part = -1 ) {
	return parse_url( $url, $part );
}

function wp_get_raw_referer() {
	return wp_unslash( $_SERVER['HTTP_REFERER'] ?? '' );
}

function untrailingslashit( $text ) {
	return rtrim( $text, '/' );
}

function home_url( $path = '' ) {
	return 'http://' . stripslashes( $_SERVER['HTTP_HOST'] ) . $path;
}

function admin_url( $path ) {
	return home_url( "/wp-admin/$path" );
}

function plugins_url( $path, $file ) {
	return "/wp-content/plugins/tweakwise-webhooks/$path";
}

function plugin_basename( $file ) {
	return 'tweakwise-webhooks/' . basename( $file );
}

function load_plugin_textdomain( ...$ignored ) {
}

function get_bloginfo( $what ) {
	return 'stand-in';
}

function determine_locale() {
	return 'nl_NL';
}

function wp_get_environment_type() {
	return get_option( 'stand_in_environment', 'production' );
}

function is_ssl() {
	return false;
}

function nocache_headers() {
	header( 'Cache-Control: no-cache, must-revalidate, max-age=0, no-store, private' );
}

function wp_send_json( $value, $code = 200 ) {
	header( 'Content-Type: application/json; charset=UTF-8' );
	http_response_code( $code );
	echo json_encode( $value );
	exit;
}

class WP_Error {
	private $code;
	private $message;

	public function __construct( $code, $message ) {
		$this->code    = $code;
		$this->message = $message;
	}

	public function get_error_code() {
		return $this->code;
	}

	public function get_error_message() {
		return $this->message;
	}
}

function is_wp_error( $thing ) {
	return $thing instanceof WP_Error;
}

/** WordPress refuses addresses of its own network, where this shop's receiver is. */
function wp_http_validate_url( $url ) {
	return get_option( 'stand_in_refuses', false ) ? false : $url;
}

/** Post for real; a request that does not block is written and left, as WordPress's transport without cURL does. */
function wp_safe_remote_post( $url, $arguments ) {
	$parts = parse_url( $url );
	$began = microtime( true );
	state( 'sent', fn( $now ) => array( ...$now, array( 'url' => $url ) + $arguments ) );
	$socket = @fsockopen( $parts['host'], $parts['port'] ?? 80, $code, $error, $arguments['timeout'] ?? 5 );
	if ( ! $socket ) {
		return new WP_Error( 'http_request_failed', $error );
	}
	$headers = array( 'Host' => $parts['host'], 'User-Agent' => $arguments['user-agent'] ?? 'WordPress', 'Connection' => 'close' );
	$headers = ( $arguments['headers'] ?? array() ) + $headers + array( 'Content-Length' => strlen( $arguments['body'] ) );
	$lines   = array_map( fn( $name, $value ) => "$name: $value\r\n", array_keys( $headers ), $headers );
	fwrite( $socket, "POST {$parts['path']} HTTP/1.1\r\n" . implode( '', $lines ) . "\r\n{$arguments['body']}" );
	if ( false === ( $arguments['blocking'] ?? true ) ) {
		fclose( $socket );
		return array();
	}
	stream_set_timeout( $socket, $arguments['timeout'] ?? 5 );
	list( $head, $body ) = explode( "\r\n\r\n", stream_get_contents( $socket ), 2 ) + array( '', '' );
	return array( 'code' => (int) substr( $head, 9, 3 ), 'body' => $body );
}

function wp_remote_retrieve_response_code( $response ) {
	return $response['code'];
}

function wp_remote_retrieve_body( $response ) {
	return $response['body'];
}

/** A cookie with the user's number is enough here; WordPress signs its own. */
function get_current_user_id() {
	return $GLOBALS['user'] ?? (int) ( $_COOKIE['logged_in'] ?? 0 );
}

function wp_set_auth_cookie( $user ) {
	do_action( 'set_logged_in_cookie', 'value', 0, 0, $user, 'logged_in', 'token' );
	setcookie( 'logged_in', (string) $user, 0, '/' );
}

function wp_logout() {
	do_action( 'clear_auth_cookie' );
	setcookie( 'logged_in', '', 1, '/' );
}

/** User 1 is the shop's manager. */
function user_can( $user, $capability ) {
	return 1 === (int) $user && in_array( $capability, array( 'manage_woocommerce', 'read_private_shop_orders' ), true );
}

function current_user_can( $capability ) {
	return user_can( get_current_user_id(), $capability );
}

function wp_create_nonce( $action ) {
	return wp_hash( "$action of " . get_current_user_id() );
}

function check_ajax_referer( $action, $field, $stop ) {
	return wp_create_nonce( $action ) === ( $_REQUEST[ $field ] ?? '' );
}

function wp_add_privacy_policy_content( $name, $text ) {
}

function wp_kses_post( $html ) {
	return $html;
}

function wpautop( $text ) {
	return "<p>$text</p>";
}

$scripts = array();

function wp_enqueue_script( $handle, $url, $needs = array(), $version = '', $how = false ) {
	$GLOBALS['scripts'][ $handle ] = array( $url, $how, '' );
}

function wp_add_inline_script( $handle, $script, $place ) {
	$GLOBALS['scripts'][ $handle ][2] = $script;
}

function print_scripts() {
	foreach ( $GLOBALS['scripts'] as list( $url, $how, $before ) ) {
		$defer = is_array( $how ) ? ' defer' : '';
		echo "<script>$before</script>\n<script src=\"$url\"$defer></script>\n";
	}
}

// What is asked for: set by the router.
$asked = array( 'product' => 0, 'search' => null, 'feed' => false, 'preview' => false, 'admin' => false, 'page' => 1 );

function is_admin() {
	return $GLOBALS['asked']['admin'];
}

function is_feed() {
	return $GLOBALS['asked']['feed'];
}

function is_embed() {
	return false;
}

function is_preview() {
	return $GLOBALS['asked']['preview'];
}

function is_customize_preview() {
	return false;
}

function is_paged() {
	return $GLOBALS['asked']['page'] > 1;
}

function is_search() {
	return null !== $GLOBALS['asked']['search'];
}

function get_search_query( $escaped ) {
	return $GLOBALS['asked']['search'];
}

function get_query_var( $name ) {
	return wp_unslash( $_GET[ $name ] ?? '' );
}

function is_product() {
	return $GLOBALS['asked']['product'] > 0;
}

function get_queried_object_id() {
	return $GLOBALS['asked']['product'];
}

function is_multisite() {
	return false;
}

/** Only what the plugin asks of the database: counters in a table whose names are unique, and deleting by prefix. */
class Stand_In_Database {
	public $options = 'wp_options';

	public function esc_like( $text ) {
		return $text;
	}

	public function prepare( $query, ...$values ) {
		return array( strtok( $query, ' ' ), ...$values );
	}

	public function query( $statement ) {
		return 'INSERT' === $statement[0] ? $this->count( ...$statement ) : $this->delete( substr( $statement[1], 0, -1 ) );
	}

	private function count( $insert, $name, $first, $pattern, $minute ) {
		state(
			'counters',
			function ( $now ) use ( $name, $first, $minute ) {
				$is_of_minute = 0 === strpos( $now[ $name ] ?? '', $minute );
				return array( $name => $is_of_minute ? $minute . ( (int) substr( $now[ $name ], strlen( $minute ) ) + 1 ) : $first ) + $now;
			}
		);
	}

	public function get_var( $statement ) {
		return state( 'counters' )[ $statement[1] ] ?? null;
	}

	private function delete( $prefix ) {
		$others = fn( $name ) => 0 !== strpos( $name, $prefix );
		state( 'counters', fn( $now ) => array_filter( $now, $others, ARRAY_FILTER_USE_KEY ) );
		state( 'transients', fn( $now ) => array_filter( $now, fn( $name ) => $others( "_transient_$name" ), ARRAY_FILTER_USE_KEY ) );
	}
}

$wpdb = new Stand_In_Database();

if ( get_option( 'stand_in_consent_api', false ) ) {
	// As the WP Consent API does where consent is opted into: a cookie for each category.
	function wp_has_consent( $category, $plugin = false ) {
		return 'allow' === ( $_COOKIE[ "wp_consent_$category" ] ?? '' );
	}

	function wp_is_service_denied( $service, $plugin = false ) {
		return false === ( json_decode( wp_unslash( $_COOKIE['wp_consent_consented_services'] ?? '' ), true )[ $service ] ?? null );
	}

	function wp_add_cookie_info( $name, ...$about ) {
		set_state( 'cookies', $name, $about );
	}
}
