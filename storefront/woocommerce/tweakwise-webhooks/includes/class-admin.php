<?php
/**
 * The admin.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

/**
 * The tab in WooCommerce's settings, its two buttons, and the link to it.
 */
final class Admin {

	const CAPABILITY = 'manage_woocommerce';
	const NONCE      = 'tweakwise_webhooks';
	const TAB        = 'tweakwise';

	/**
	 * Hook in.
	 */
	public static function register() {
		add_filter( 'woocommerce_get_settings_pages', array( __CLASS__, 'add_page' ) );
		add_action( 'woocommerce_admin_field_tweakwise_webhooks_actions', array( __CLASS__, 'show_actions' ) );
		add_filter( 'woocommerce_admin_settings_sanitize_option_' . Settings::PREFIX . 'url', array( __CLASS__, 'clean_url' ), 10, 3 );
		add_filter( 'woocommerce_admin_settings_sanitize_option_' . Settings::PREFIX . 'secret', array( __CLASS__, 'clean_secret' ), 10, 3 );
		add_filter( 'woocommerce_admin_settings_sanitize_option_' . Settings::PREFIX . 'salt', array( __CLASS__, 'clean_salt' ), 10, 3 );
		add_action( 'admin_enqueue_scripts', array( __CLASS__, 'enqueue' ) );
		add_action( 'wp_ajax_tweakwise_webhooks_test', array( __CLASS__, 'test' ) );
		add_action( 'wp_ajax_tweakwise_webhooks_make', array( __CLASS__, 'make' ) );
		add_filter( 'plugin_action_links_' . plugin_basename( PLUGIN_FILE ), array( __CLASS__, 'add_link' ) );
		add_action( 'admin_init', array( __CLASS__, 'suggest_privacy_text' ) );
	}

	/**
	 * Add the tab.
	 *
	 * @param array $pages WooCommerce's tabs.
	 * @return array
	 */
	public static function add_page( $pages ) {
		require_once __DIR__ . '/class-settings-page.php';
		$pages[] = new Settings_Page();
		return $pages;
	}

	/**
	 * Show the buttons below the settings.
	 */
	public static function show_actions() {
		$actions = array(
			'test' => array( __( 'Send test event', 'tweakwise-webhooks' ), __( 'Posts a signed event that is stored and counted nowhere, and shows what the receiver answers.', 'tweakwise-webhooks' ) ),
			'make' => array( __( 'Create the order webhooks', 'tweakwise-webhooks' ), __( 'Creates order.created and order.updated, or repairs them: same address, same secret, active.', 'tweakwise-webhooks' ) ),
		);
		foreach ( $actions as $action => list( $label, $about ) ) {
			?>
			<tr>
				<th scope="row" class="titledesc"><?php echo esc_html( $label ); ?></th>
				<td class="forminp">
					<button type="button" class="button tweakwise-webhooks-action" data-action="<?php echo esc_attr( 'tweakwise_webhooks_' . $action ); ?>"><?php echo esc_html( $label ); ?></button>
					<p class="description"><?php echo esc_html( $about ); ?></p>
					<p class="tweakwise-webhooks-answer" role="status"></p>
				</td>
			</tr>
			<?php
		}
	}

	/**
	 * Give the tab its script.
	 */
	public static function enqueue() {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- only read to see which page this is.
		$tab = isset( $_GET['tab'] ) ? sanitize_key( wp_unslash( $_GET['tab'] ) ) : '';
		if ( self::TAB !== $tab || ! current_user_can( self::CAPABILITY ) ) {
			return;
		}
		wp_enqueue_script( 'tweakwise-webhooks-admin', plugins_url( 'assets/admin.js', PLUGIN_FILE ), array(), VERSION, true );
		$config = array(
			'url'    => admin_url( 'admin-ajax.php' ),
			'nonce'  => wp_create_nonce( self::NONCE ),
			'busy'   => __( 'One moment ...', 'tweakwise-webhooks' ),
			'failed' => __( 'The shop did not answer. Reload the page and try again.', 'tweakwise-webhooks' ),
		);
		wp_add_inline_script( 'tweakwise-webhooks-admin', 'window.tweakwiseWebhooksAdmin = ' . wp_json_encode( $config, JSON_HEX_TAG ) . ';', 'before' );
	}

	/**
	 * The button "Send test event".
	 */
	public static function test() {
		self::check_right();
		self::respond( Receiver::test() );
	}

	/**
	 * The button "Create the order webhooks".
	 */
	public static function make() {
		self::check_right();
		self::respond( Order_Webhooks::make() );
	}

	/**
	 * Keep the old address when the new one cannot be right.
	 *
	 * @param mixed $value  Unused.
	 * @param array $option The field.
	 * @param mixed $raw    What was typed.
	 * @return string
	 */
	public static function clean_url( $value, $option, $raw ) {
		$url = is_string( $raw ) ? trim( $raw ) : '';
		if ( '' === $url || ( Settings::is_receiver_url( $url ) && esc_url_raw( $url ) === $url ) ) {
			return $url;
		}
		return self::keep_old( $option, __( 'The address must look like https://events.example.com/webhooks/woocommerce/your-shop. It was not changed.', 'tweakwise-webhooks' ) );
	}

	/**
	 * Keep the old secret when the new one would not survive WooCommerce's forms.
	 *
	 * @param mixed $value  Unused.
	 * @param array $option The field.
	 * @param mixed $raw    What was typed.
	 * @return string
	 */
	public static function clean_secret( $value, $option, $raw ) {
		$secret = is_string( $raw ) ? trim( $raw ) : '';
		if ( '' === $secret || Settings::is_safe_secret( $secret ) ) {
			return $secret;
		}
		return self::keep_old( $option, __( 'The secret must be 16 to 128 letters and digits (A-Z, a-z, 0-9): WooCommerce may change others when it saves a webhook. It was not changed.', 'tweakwise-webhooks' ) );
	}

	/**
	 * The salt has to be the receiver's to the byte, so nothing is cleaned away.
	 *
	 * @param mixed $value  Unused.
	 * @param array $option The field.
	 * @param mixed $raw    What was typed.
	 * @return string
	 */
	public static function clean_salt( $value, $option, $raw ) {
		$salt = is_string( $raw ) ? trim( $raw ) : '';
		if ( '' === $salt || preg_match( '/\A[\x21-\x7e]{8,256}\z/', $salt ) ) {
			return $salt;
		}
		return self::keep_old( $option, __( 'The profile salt must be 8 to 256 characters without spaces. It was not changed.', 'tweakwise-webhooks' ) );
	}

	/**
	 * Link from the list of plugins to the tab.
	 *
	 * @param array $links The plugin's links.
	 * @return array
	 */
	public static function add_link( $links ) {
		$url = admin_url( 'admin.php?page=wc-settings&tab=' . self::TAB );
		array_unshift( $links, sprintf( '<a href="%s">%s</a>', esc_url( $url ), esc_html__( 'Settings', 'tweakwise-webhooks' ) ) );
		return $links;
	}

	/**
	 * Suggest a paragraph for the shop's privacy policy.
	 */
	public static function suggest_privacy_text() {
		$text = __( 'When you search our shop, look at a product or buy something, we send that to Tweakwise, which helps us to show you fitting products. It is sent with a random key, or with a key made from the number of your account, and without your name or address. The key is kept in the cookie tweakwise_profile_key for a year.', 'tweakwise-webhooks' );
		wp_add_privacy_policy_content( 'Tweakwise Webhooks', wp_kses_post( wpautop( $text ) ) );
	}

	/**
	 * Stop users who may not press a button.
	 */
	private static function check_right() {
		if ( ! check_ajax_referer( self::NONCE, 'nonce', false ) || ! current_user_can( self::CAPABILITY ) ) {
			wp_send_json( array( 'ok' => false, 'message' => __( 'You may not do this. Reload the page and try again.', 'tweakwise-webhooks' ) ), 403 );
		}
	}

	/**
	 * Answer a button.
	 *
	 * @param array{bool, string} $outcome Whether all is well, and what to say.
	 */
	private static function respond( array $outcome ) {
		wp_send_json( array( 'ok' => $outcome[0], 'message' => $outcome[1] ) );
	}

	/**
	 * Say what is wrong, and return what was saved before.
	 *
	 * @param array  $option  The field.
	 * @param string $message What is wrong.
	 * @return string
	 */
	private static function keep_old( $option, $message ) {
		\WC_Admin_Settings::add_error( $message );
		return (string) get_option( $option['id'], '' );
	}
}
