<?php
/**
 * The tab in WooCommerce's settings.
 *
 * @package Tweakwise_Webhooks
 */

namespace Tweakwise_Webhooks;

defined( 'ABSPATH' ) || exit;

/**
 * WooCommerce > Settings > Tweakwise. WooCommerce checks nonce and rights before it saves.
 */
final class Settings_Page extends \WC_Settings_Page {

	/**
	 * Name the tab.
	 */
	public function __construct() {
		$this->id    = Admin::TAB;
		$this->label = __( 'Tweakwise', 'tweakwise-webhooks' );
		parent::__construct();
	}

	/**
	 * The fields of the tab.
	 *
	 * @return array
	 */
	protected function get_settings_for_default_section() {
		return array_merge( $this->receiver_fields(), $this->visitor_fields(), $this->event_fields() );
	}

	/**
	 * Where events go, and the buttons.
	 *
	 * @return array
	 */
	private function receiver_fields() {
		return array(
			array(
				'id'    => 'tweakwise_webhooks_receiver',
				'type'  => 'title',
				'title' => __( 'Receiver', 'tweakwise-webhooks' ),
				'desc'  => __( 'Where your webhook receiver listens, and the secret that signs your events.', 'tweakwise-webhooks' ),
			),
			array(
				'id'          => Settings::PREFIX . 'url',
				'type'        => 'url',
				'title'       => __( 'Webhook URL', 'tweakwise-webhooks' ),
				'desc'        => __( 'As the receiver\'s command "check" prints it for this shop.', 'tweakwise-webhooks' ),
				'placeholder' => 'https://events.example.com/webhooks/woocommerce/your-shop',
				'css'         => 'width: 40em;',
			),
			array(
				'id'                => Settings::PREFIX . 'secret',
				'type'              => 'password',
				'title'             => __( 'Secret', 'tweakwise-webhooks' ),
				'desc'              => __( 'The shop\'s secret at the receiver: 16 to 128 of A-Z, a-z and 0-9. The order webhooks get the same one.', 'tweakwise-webhooks' ),
				'custom_attributes' => array( 'autocomplete' => 'new-password' ),
			),
			array( 'type' => 'tweakwise_webhooks_actions' ),
			array(
				'id'   => 'tweakwise_webhooks_receiver',
				'type' => 'sectionend',
			),
		);
	}

	/**
	 * Who is followed, and under which key.
	 *
	 * @return array
	 */
	private function visitor_fields() {
		return array(
			array(
				'id'    => 'tweakwise_webhooks_visitors',
				'type'  => 'title',
				'title' => __( 'Visitors', 'tweakwise-webhooks' ),
				'desc'  => $this->about_consent(),
			),
			array(
				'id'                => Settings::PREFIX . 'salt',
				'type'              => 'password',
				'title'             => __( 'Profile salt', 'tweakwise-webhooks' ),
				'desc'              => __( 'The shop\'s profile_salt at the receiver. With it an account has one key on every device; what a visitor saw before logging in stays under the earlier key, except where they log in with a filled cart: then the order carries the earlier key as well, unless they look at a product in between. Never change it.', 'tweakwise-webhooks' ),
				// WooCommerce would take backslashes out and decode entities, and save what is left with the next change.
				'value'             => htmlspecialchars( Settings::salt(), ENT_QUOTES ),
				'custom_attributes' => array( 'autocomplete' => 'new-password' ),
			),
			array(
				'id'      => Settings::PREFIX . 'consent',
				'type'    => 'select',
				'title'   => __( 'Consent', 'tweakwise-webhooks' ),
				'default' => Settings::CONSENT_API,
				'options' => array(
					Settings::CONSENT_API    => __( 'Ask the WP Consent API', 'tweakwise-webhooks' ),
					Settings::CONSENT_PAGE   => __( 'The page\'s own banner says so, by tweakwiseWebhooks.consent( true )', 'tweakwise-webhooks' ),
					Settings::CONSENT_ALWAYS => __( 'No consent is needed', 'tweakwise-webhooks' ),
				),
			),
			array(
				'id'      => Settings::PREFIX . 'category',
				'type'    => 'select',
				'title'   => __( 'Category of the WP Consent API', 'tweakwise-webhooks' ),
				'default' => 'marketing',
				'options' => array(
					'marketing'            => __( 'Marketing', 'tweakwise-webhooks' ),
					'statistics'           => __( 'Statistics', 'tweakwise-webhooks' ),
					'statistics-anonymous' => __( 'Anonymous statistics', 'tweakwise-webhooks' ),
					'preferences'          => __( 'Preferences', 'tweakwise-webhooks' ),
					'functional'           => __( 'Functional', 'tweakwise-webhooks' ),
				),
			),
			array(
				'id'      => Settings::PREFIX . 'staff',
				'type'    => 'checkbox',
				'title'   => __( 'Staff', 'tweakwise-webhooks' ),
				'desc'    => __( 'Follow shop managers, editors and administrators as well, for a test', 'tweakwise-webhooks' ),
				'default' => 'no',
			),
			array(
				'id'   => 'tweakwise_webhooks_visitors',
				'type' => 'sectionend',
			),
		);
	}

	/**
	 * What is sent besides searches and product views.
	 *
	 * @return array
	 */
	private function event_fields() {
		return array(
			array(
				'id'    => 'tweakwise_webhooks_events',
				'type'  => 'title',
				'title' => __( 'Further events', 'tweakwise-webhooks' ),
				'desc'  => __( 'Searches and product views are always sent. These need the shop\'s extra_events at the receiver as well.', 'tweakwise-webhooks' ),
			),
			array(
				'id'      => Settings::PREFIX . 'addtocart',
				'type'    => 'checkbox',
				'title'   => __( 'Add to cart', 'tweakwise-webhooks' ),
				'desc'    => __( 'Send what is put into the cart', 'tweakwise-webhooks' ),
				'default' => 'no',
			),
			array(
				'id'      => Settings::PREFIX . 'wishlist',
				'type'    => 'checkbox',
				'title'   => __( 'Add to wishlist', 'tweakwise-webhooks' ),
				'desc'    => __( 'Send what is put into a wishlist of YITH, TI or WPC; sets a second cookie for 30 minutes', 'tweakwise-webhooks' ),
				'default' => 'no',
			),
			array(
				'id'      => Settings::PREFIX . 'sessionstart',
				'type'    => 'checkbox',
				'title'   => __( 'Session start', 'tweakwise-webhooks' ),
				'desc'    => __( 'Send when a visit begins; sets a second cookie for 30 minutes', 'tweakwise-webhooks' ),
				'default' => 'no',
			),
			array(
				'id'   => 'tweakwise_webhooks_events',
				'type' => 'sectionend',
			),
		);
	}

	/**
	 * What to know about consent, with a warning where nothing will be sent.
	 *
	 * @return string
	 */
	private function about_consent() {
		$about = __( 'Without consent there is no key, no cookie and no event.', 'tweakwise-webhooks' );
		if ( Settings::CONSENT_API === Settings::consent() && ! function_exists( 'wp_has_consent' ) ) {
			$about .= ' <strong>' . esc_html__( 'The plugin WP Consent API is not active, so nothing is sent.', 'tweakwise-webhooks' ) . '</strong>';
		}
		return $about;
	}
}
