<?php
/**
 * The admin.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

/**
 * The tab in WooCommerce's settings, its buttons, and the link to it.
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
		add_action( 'wp_ajax_tweakwise_webhooks_here', array( __CLASS__, 'send_from_here' ) );
		add_action( 'woocommerce_update_options_' . self::TAB, array( Site::class, 'remember_once' ), 20 );
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
			'test' => array( __( 'Send test event', 'tweakwise-webhooks' ), __( 'Posts a signed event to the address above, with the secret above, also before they are saved, and shows what the receiver answers. The event is stored and counted nowhere.', 'tweakwise-webhooks' ) ),
			'make' => array( __( 'Create the order webhooks', 'tweakwise-webhooks' ), __( 'Creates order.created and order.updated, or repairs all that there are: same address, same secret, active.', 'tweakwise-webhooks' ) ),
		);
		if ( Settings::is_ready() && Site::is_copy() ) {
			$actions = array( 'here' => array( __( 'Send from this address', 'tweakwise-webhooks' ), Site::warning() ) );
		}
		foreach ( $actions as $action => list( $label, $about ) ) {
			?>
			<tr>
				<th scope="row" class="titledesc"><?php echo esc_html( $label ); ?></th>
				<td class="forminp">
					<button type="button" class="button tweakwise-webhooks-action" data-action="<?php echo esc_attr( 'tweakwise_webhooks_' . $action ); ?>"><?php echo esc_html( $label ); ?></button>
					<p class="description"><?php echo esc_html( $about ); ?></p>
					<?php 'make' === $action && self::show_states(); ?>
					<p class="tweakwise-webhooks-answer" role="status"></p>
				</td>
			</tr>
			<?php
		}
	}

	/**
	 * Show what is the matter with the order webhooks.
	 */
	private static function show_states() {
		echo '<ul class="tweakwise-webhooks-states">';
		foreach ( Settings::is_ready() ? Order_Webhooks::states() : array() as list( $is_well, $sentence ) ) {
			printf( '<li>%s %s</li>', esc_html( self::mark( $is_well ) ), esc_html( $sentence ) );
		}
		echo '</ul>';
	}

	/**
	 * The sign before a sentence.
	 *
	 * @param bool $is_well Whether all is well.
	 * @return string
	 */
	private static function mark( $is_well ) {
		return $is_well ? "\u{2713}" : "\u{26a0}";
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
	 * The button "Send test event": with what is typed, which need not be saved.
	 */
	public static function test() {
		self::check_right();
		list( $url, $secret ) = self::typed();
		if ( '' === $url || '' === $secret ) {
			self::respond( array( false, __( 'Enter an address and a secret first.', 'tweakwise-webhooks' ) ) );
		}
		$fault = self::fault_of_url( $url ) . self::fault_of_secret( $secret );
		self::respond( '' !== $fault ? array( false, $fault ) : Receiver::test( $url, $secret ) );
	}

	/**
	 * The button "Create the order webhooks".
	 */
	public static function make() {
		self::check_right();
		if ( ! Settings::is_ready() || array( Settings::url(), Settings::secret() ) !== self::typed() ) {
			self::respond( array( false, __( 'Save the address and the secret first: the webhooks get those that are saved.', 'tweakwise-webhooks' ) ) );
		}
		self::respond( Site::is_copy() ? array( false, Site::warning() ) : Order_Webhooks::make() );
	}

	/**
	 * The button "Send from this address".
	 */
	public static function send_from_here() {
		self::check_right();
		Site::remember();
		self::respond( array( true, __( 'This site sends from now on.', 'tweakwise-webhooks' ) ) );
	}

	/**
	 * The address and the secret in the fields, or the saved ones where a field was not sent.
	 *
	 * @return array{string, string}
	 */
	private static function typed() {
		$typed = array(
			'url'    => Settings::url(),
			'secret' => Settings::secret(),
		);
		foreach ( array_keys( $typed ) as $name ) {
			// phpcs:ignore WordPress.Security -- check_right() verified the nonce, and patterns decide what is taken.
			$value          = isset( $_POST[ $name ] ) ? wp_unslash( $_POST[ $name ] ) : $typed[ $name ];
			$typed[ $name ] = is_string( $value ) ? trim( $value ) : '';
		}
		return array_values( $typed );
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
		$url   = is_string( $raw ) ? trim( $raw ) : '';
		$fault = '' === $url ? '' : self::fault_of_url( $url );
		return '' === $fault ? $url : self::keep_old( $option, $fault );
	}

	/**
	 * What is wrong with an address, as far as it can be seen without asking the network.
	 *
	 * @param string $url The address.
	 * @return string "" when nothing is.
	 */
	private static function fault_of_url( $url ) {
		if ( ! Settings::is_receiver_url( $url ) || esc_url_raw( $url ) !== $url ) {
			return __( 'The address must look like https://events.example.com/webhooks/woocommerce/your-shop.', 'tweakwise-webhooks' );
		}
		return wp_parse_url( $url, PHP_URL_PORT ) ? Receiver::why_not( $url ) : '';
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
		$fault  = '' === $secret ? '' : self::fault_of_secret( $secret );
		return '' === $fault ? $secret : self::keep_old( $option, $fault );
	}

	/**
	 * What is wrong with a secret.
	 *
	 * @param string $secret The secret.
	 * @return string "" when nothing is.
	 */
	private static function fault_of_secret( $secret ) {
		return Settings::is_safe_secret( $secret ) ? '' : __( 'The secret must be 16 to 128 letters and digits (A-Z, a-z, 0-9): WooCommerce may change others when it saves a webhook.', 'tweakwise-webhooks' );
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
		return self::keep_old( $option, __( 'The profile salt must be 8 to 256 characters without spaces.', 'tweakwise-webhooks' ) );
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
			$answer = array(
				'ok'      => false,
				'message' => __( 'You may not do this. Reload the page and try again.', 'tweakwise-webhooks' ),
			);
			wp_send_json( $answer, 403 );
		}
	}

	/**
	 * Answer a button.
	 *
	 * @param array{bool, string} $outcome Whether all is well, and what to say.
	 */
	private static function respond( array $outcome ) {
		$answer = array(
			'ok'      => $outcome[0],
			'message' => $outcome[1],
			'states'  => array(),
		);
		foreach ( Settings::is_ready() ? Order_Webhooks::states() : array() as list( $is_well, $sentence ) ) {
			$answer['states'][] = self::mark( $is_well ) . ' ' . $sentence;
		}
		wp_send_json( $answer );
	}

	/**
	 * Say what is wrong, and return what was saved before.
	 *
	 * @param array  $option  The field.
	 * @param string $message What is wrong.
	 * @return string
	 */
	private static function keep_old( $option, $message ) {
		\WC_Admin_Settings::add_error( $message . ' ' . __( 'It was not changed.', 'tweakwise-webhooks' ) );
		return (string) get_option( $option['id'], '' );
	}
}
