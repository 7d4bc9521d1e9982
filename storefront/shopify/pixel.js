// Reports searches and product views to Tweakwise. Paste it into Settings > Customer events > Add custom pixel.
// It stores nothing and creates no key: it reads the cookie of the app embed "Tweakwise profile key".
(() => {
  // Yours to change. PATH and COOKIE must be the same as in the app embed.
  const PATH = '/apps/tweakwise'; // of the app proxy
  const COOKIE = 'tweakwise_profile_key';
  const NEEDS_CONSENT = true; // report only with the visitor's consent to analytics
  const ADD_TO_CART = false; // also report what is put into the cart; needs extra_events at the receiver
  const SESSIONS = false; // also report sessions; needs extra_events at the receiver

  const KEY = /^[A-Za-z0-9._$=-]{1,128}$/;
  const KEY_WITHIN = 6000; // milliseconds that the app embed may take to find the key
  const LOOK_EVERY = 200;
  const SESSION_COOKIE = `${COOKIE}_session`;
  const SESSION_ENDS = 1800; // seconds of inactivity after which Tweakwise begins a new session
  const MOST_HELD = 20;

  /** @typedef {Record<string, string | number | null | undefined>} EventParameters */
  /** @typedef {import('@shopify/web-pixels-extension').ProductVariant} ProductVariant */

  let allowed = !NEEDS_CONSENT || init.customerPrivacy.analyticsProcessingAllowed;
  /** What happened on this page before the visitor decided; nothing about the visitor. @type {(() => void)[]} */
  let held = [];

  api.customerPrivacy.subscribe('visitorConsentCollected', ({customerPrivacy}) => {
    allowed = !NEEDS_CONSENT || customerPrivacy.analyticsProcessingAllowed;
    const happened = held;
    held = [];
    if (allowed) happened.forEach((report) => report());
  });

  analytics.subscribe('search_submitted', ({context, data}) => {
    const term = data.searchResult.query.trim();
    // Turning the page of results is not another search.
    const page = Number(new URLSearchParams(context.document.location.search).get('page') ?? 1);
    if (term && !(page > 1)) report(context.document.location.origin, 'search', {term});
  });

  analytics.subscribe('product_viewed', ({context, data}) => {
    const product = productParameters(data.productVariant);
    if (product.product_id) report(context.document.location.origin, 'pageview', product);
  });

  if (ADD_TO_CART) {
    analytics.subscribe('product_added_to_cart', ({context, data}) => {
      const line = data.cartLine;
      if (!line?.merchandise.product.id) return;
      const {quantity, cost} = line;
      const added = {...productParameters(line.merchandise), quantity, amount: cost.totalAmount.amount};
      report(context.document.location.origin, 'addtocart', added);
    });
  }

  if (SESSIONS) {
    analytics.subscribe('page_viewed', ({context}) => report(context.document.location.origin, 'sessionstart', {}));
  }

  /** @param {ProductVariant} variant @returns {EventParameters} */
  function productParameters(variant) {
    const {id, sku, product, price} = variant;
    return {product_id: product.id, variant_id: id, sku, currency: price.currencyCode};
  }

  /** @param {string} origin @param {string} action @param {EventParameters} happened */
  function report(origin, action, happened) {
    if (allowed) send(origin, action, happened).catch(() => {}); // a shop works without us
    else if (held.length < MOST_HELD) held.push(() => report(origin, action, happened));
  }

  /** @param {string} origin @param {string} action @param {EventParameters} happened */
  async function send(origin, action, happened) {
    const profileKey = await keyInUse();
    if (!profileKey || !allowed) return;
    if (action === 'sessionstart' && !(await beginSession())) return;
    const session = SESSIONS ? await cookie(SESSION_COOKIE) : '';
    const locale = await cookie(`${COOKIE}_locale`);
    const query = Object.entries({...happened, locale, profile_key: profileKey, session_key: session})
      .filter(([, value]) => value !== null && value !== undefined && value !== '')
      .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
      .join('&');
    // The sandbox has no origin, so the answer cannot be read, and is not needed; keepalive outlives the page.
    await fetch(`${origin}${PATH}/${action}?${query}`, {mode: 'no-cors', keepalive: true});
  }

  /** The key, as soon as the app embed has written it; '' when it does not. */
  async function keyInUse() {
    for (let waited = 0; allowed && waited < KEY_WITHIN; waited += LOOK_EVERY) {
      const key = await cookie(COOKIE);
      if (key) return key;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    }
    return '';
  }

  /** Whether a session begins with this page; either way it goes on from now. */
  async function beginSession() {
    const known = await cookie(SESSION_COOKIE);
    const random = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0'));
    const key = known || random.join('');
    await browser.cookie.set(`${SESSION_COOKIE}=${key}; path=/; max-age=${SESSION_ENDS}; samesite=lax`);
    return !known;
  }

  /** @param {string} name */
  async function cookie(name) {
    const value = (await browser.cookie.get(name)) ?? '';
    return KEY.test(value) ? value : '';
  }
})();
