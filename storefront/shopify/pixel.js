// Reports searches and product views to Tweakwise. Paste it into Settings > Customer events > Add custom pixel, as it is:
// its settings are those of the app embed "Tweakwise profile key", which hands them over in a cookie, as it does the key.
(() => {
  const SETTINGS = 'tweakwise_storefront'; // path|cookie|flags|locale, by the app embed
  const PIXEL = 'tweakwise_pixel'; // for the app embed: when this last had the visitor's consent
  const PIXEL_FOR = 60; // seconds
  const KEY = /^([0-9a-f]{32}|[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i; // as the app embed's
  const KEY_WITHIN = 10000; // milliseconds that the app embed may take to find the key
  const LOOK_EVERY = 200;
  const USUAL_PATH = '/apps/tweakwise'; // without consent the app embed stores no other one
  const SESSION_ENDS = 1800; // seconds of inactivity after which Tweakwise begins a new session
  const MOST_HELD = 20, LONGEST_TERM = 500;

  /** @typedef {Record<string, string | number | null | undefined>} EventParameters */
  /** @typedef {import('@shopify/web-pixels-extension').ProductVariant} ProductVariant */
  /** @typedef {{path: string, cookie: string, flags: string[], locale: string}} Settings */

  let agreed = init.customerPrivacy.analyticsProcessingAllowed;
  /** Whether the app embed is set to do without consent. */
  let needless = false;
  const allowed = () => agreed || needless;
  /** What happened on this page before the visitor decided; nothing about the visitor. @type {(() => void)[]} */
  let held = [];

  if (agreed) vouch();
  else awaitSettings(() => !allowed()).then((found) => {
    needless = !!found && !found.flags.includes('consent');
    if (needless) release();
  });

  api.customerPrivacy.subscribe('visitorConsentCollected', ({customerPrivacy}) => {
    agreed = customerPrivacy.analyticsProcessingAllowed;
    if (agreed) vouch();
    if (allowed()) release();
    else held = [];
  });

  analytics.subscribe('search_submitted', ({context, data}) => {
    const term = Array.from(data.searchResult.query.trim()).slice(0, LONGEST_TERM).join('');
    // Turning the page of results is not another search.
    const page = Number(new URLSearchParams(context.document.location.search).get('page') ?? 1);
    if (term && !(page > 1)) report(context.document.location.origin, 'search', {term});
  });

  analytics.subscribe('product_viewed', ({context, data}) => {
    const product = productParameters(data.productVariant);
    if (product.product_id) report(context.document.location.origin, 'pageview', product);
  });

  analytics.subscribe('product_added_to_cart', ({context, data}) => {
    const line = data.cartLine;
    if (!line?.merchandise.product.id) return;
    const {quantity, cost} = line;
    const added = {...productParameters(line.merchandise), quantity, amount: cost.totalAmount.amount};
    report(context.document.location.origin, 'addtocart', added, 'carts');
  });

  analytics.subscribe('page_viewed', ({context}) => {
    report(context.document.location.origin, 'sessionstart', {}, 'sessions');
  });

  analytics.subscribe('checkout_completed', ({context, data}) => {
    const {token, order, attributes} = data.checkout;
    const number = /\d+$/.exec(order?.id?.split('?')[0] ?? '')?.[0];
    if (!token || !number) return;
    const origin = storeOrigin() ?? context.document.location.origin;
    reportCheckout(origin, {order_id: number, checkout_token: token}, attributes ?? []).catch(() => {});
  });

  /** The shop's own address: the checkout may be on another, which has no app proxy. */
  function storeOrigin() {
    try {
      return new URL(String(init.data.shop.storefrontUrl)).origin;
    } catch {
      return undefined;
    }
  }

  /**
   * Report a checkout whose cart did not carry the key: "Buy it now", permalinks, express buttons. There is no app embed
   * in the checkout, so what a page has not stored is not awaited.
   * @param {string} origin @param {EventParameters} checkout @param {{value: string}[]} attributes
   */
  async function reportCheckout(origin, checkout, attributes) {
    const settings = settingsIn(await cookie(SETTINGS));
    const {path = USUAL_PATH, cookie: name = '', flags = ['consent']} = settings ?? {};
    if (!agreed && flags.includes('consent')) return request(origin, path, 'checkout', {...checkout, consent: 'no'});
    const profileKey = usable(await cookie(name));
    if (!profileKey || attributes.some(({value}) => value === profileKey)) return;
    await request(origin, path, 'checkout', {...checkout, profile_key: profileKey});
  }

  /** @param {ProductVariant} variant @returns {EventParameters} */
  function productParameters(variant) {
    const {id, sku, product, price} = variant;
    return {product_id: product.id, variant_id: id, sku, currency: price.currencyCode};
  }

  function release() {
    const happened = held;
    held = [];
    happened.forEach((again) => again());
  }

  /** @param {string} origin @param {string} action @param {EventParameters} happened @param {string} [flag] that it needs */
  function report(origin, action, happened, flag) {
    if (allowed()) send(origin, action, happened, flag).catch(() => {}); // the shop works without the receiver
    else if (held.length < MOST_HELD) held.push(() => report(origin, action, happened, flag));
  }

  /** @param {string} origin @param {string} action @param {EventParameters} happened @param {string} [flag] */
  async function send(origin, action, happened, flag) {
    const settings = await awaitSettings(allowed);
    if (!settings || (flag && !settings.flags.includes(flag))) return;
    const profileKey = await keyInUse(settings.cookie);
    if (!profileKey || !allowed()) return;
    const sessions = settings.flags.includes('sessions');
    if (action === 'sessionstart' && !(await beginSession(settings))) return;
    const session = sessions ? usable(await cookie(`${settings.cookie}_session`)) : '';
    const parameters = {...happened, locale: settings.locale, profile_key: profileKey, session_key: session};
    await request(origin, settings.path, action, parameters);
  }

  /**
   * The sandbox has no origin, so the answer cannot be read, and what is refused is not repeated; keepalive outlives the
   * page. @param {string} origin @param {string} path @param {string} action @param {EventParameters} parameters
   */
  async function request(origin, path, action, parameters) {
    const query = Object.entries(parameters)
      .filter(([, value]) => value !== null && value !== undefined && value !== '')
      .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
      .join('&');
    await fetch(`${origin}${path}/${action}?${query}`, {mode: 'no-cors', keepalive: true});
  }

  /** The app embed's settings, as soon as it has written them; undefined when it does not. @param {() => boolean} going */
  async function awaitSettings(going) {
    return settingsIn(await awaited(going, async () => {
      const found = await cookie(SETTINGS);
      return settingsIn(found) ? found : '';
    }));
  }

  /** @param {string} text @returns {Settings | undefined} */
  function settingsIn(text) {
    const [path = '', name = '', flags = '', locale] = text.split('|');
    return locale === undefined ? undefined : {path, cookie: name, flags: flags.split('.'), locale};
  }

  /** The key, as soon as the app embed has written it; '' when it does not. @param {string} name */
  function keyInUse(name) {
    return awaited(allowed, async () => usable(await cookie(name)));
  }

  /** What `look` finds, as soon as it does. @param {() => boolean} going @param {() => Promise<string>} look */
  async function awaited(going, look) {
    for (let waited = 0; going() && waited < KEY_WITHIN; waited += LOOK_EVERY) {
      const found = await look();
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    }
    return '';
  }

  /** Let the app embed know of the consent, which it cannot see where Shopify's script for pages does not load. */
  function vouch() {
    store(PIXEL, String(Date.now()), PIXEL_FOR);
  }

  /** Whether a session begins with this page; either way it goes on from now. @param {Settings} settings */
  async function beginSession(settings) {
    const name = `${settings.cookie}_session`;
    const known = usable(await cookie(name));
    const random = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0'));
    await store(name, known || random.join(''), SESSION_ENDS);
    return !known;
  }

  /** @param {string} name @param {string} value @param {number} seconds */
  function store(name, value, seconds) {
    return browser.cookie.set(`${name}=${value}; path=/; max-age=${seconds}; samesite=lax`);
  }

  /** @param {string} name */
  async function cookie(name) {
    return (await browser.cookie.get(name)) ?? '';
  }

  /** The text if it is a random key, else '': never another's id, a word such as undefined, or personal data. */
  function usable(/** @type {unknown} */ text) {
    return typeof text === 'string' && KEY.test(text) ? text : '';
  }
})();
