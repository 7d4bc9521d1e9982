// Makes and stores the key by which Tweakwise knows a visitor who agreed, writes it into the cart, so that the order
// carries it, and hands it to the page and the pixel. Before the visitor has decided it uses and writes nothing; only a
// refusal deletes. Shopify loads the customer privacy API in any order, late, or not at all: every order works.
(() => {
  const COOKIE = 'tweakwise_profile_key', PROXY = '/apps/tweakwise';
  const PIXEL = 'tweakwise_pixel'; // when the pixel last had the visitor's consent, in milliseconds since 1970
  const SETTINGS = 'tweakwise_storefront'; // what the pixel has to know of the settings: path|cookie|flags|locale
  const LOOK_EVERY = 250, LOOK_FOR = 60000; // milliseconds, for Shopify's customer privacy API
  const SETTLE = 300; // milliseconds after which a refusal holds: a banner may report no and yes at once
  const ANSWER_WITHIN = 3000, CARRY_AFTER = 1000; // milliseconds, while the receiver is asked for an account's key
  const CART_WITHIN = 10000; // milliseconds for the shop's answer about the cart
  const MOST_TRIES = 6, MOST_WRITES = 10, LONGEST_WAIT = 60; // of requests; seconds
  const KEY = /^([0-9a-f]{32}|[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i; // random or a digest
  const SESSION_ENDS = 1800; // seconds of inactivity
  const MOST_HELD = 20, LONGEST_TERM = 500;

  /** @type {TweakwiseStorefront} */
  const page = (window.tweakwise = window.tweakwise || {});
  // A second copy, or a theme that changes pages without loading them: the first copy reads the settings again.
  if (page.refresh) return page.refresh();
  page.refresh = refresh;

  /** @type {Set<string>} */
  const faults = new Set();
  let settings = readSettings();
  if (window.Shopify?.designMode) return; // the theme editor's preview is no visit

  // While an account's key is in use: whose it is, and the key that this browser had before and gets back at logout.
  const BEFORE = `${settings.cookie}_before`;
  const SESSION = `${settings.cookie}_session`; // of the pixel

  /** Whether the visitor agreed; undefined before the decision. @type {boolean | undefined} */
  let allowed;
  let key = ''; // in use
  let search = 0; // for the key; counted, so that one that is overtaken stops
  let refusal = 0; // the timer of a refusal that does not hold yet
  /** Reports of the page that wait for the key. @type {(() => void)[]} */
  let held = [];
  /** What the cart should carry; undefined: whatever it does. @type {string | undefined} */
  let wanted;
  /** What is known of the cart; undefined: the shop has to be asked. @type {{items: number, value: string} | undefined} */
  let cart = cartOfPage();
  let asked = false; // for Shopify's customer privacy API
  let busy = false, again = false, writes = 0;
  /** @type {BroadcastChannel | undefined} */
  let tabs;

  page.search = (term) => {
    const text = Array.from(String(term).trim()).slice(0, LONGEST_TERM).join('');
    if (text) report('search', {term: text});
  };
  page.pageview = (product) => reportProduct('pageview', product);
  page.wishlist = (product) => reportProduct('addtowishlist', product);

  document.addEventListener('visitorConsentCollected', ({detail}) => decide(consentOf(detail)));
  addEventListener('pageshow', joinTabs);
  addEventListener('pagehide', leave);
  addEventListener('visibilitychange', () => document.visibilityState === 'visible' && lookAgain());
  ['DOMContentLoaded', 'load'].forEach((name) => addEventListener(name, () => allowed === undefined && askShop()));
  document.addEventListener('shopify:cart:attributes-update', () => setTimeout(cartChanged, SETTLE));
  watchCart();
  joinTabs();
  // What the page asked for, and what the visitor decided, before this script came.
  const queue = page.queue || [];
  page.queue = {push: call};
  queue.forEach?.(call);
  awaitConsent();

  // ------------------------------------------------------------------------------------------------------- consent

  /** Ask until Shopify's API is there; without it, the pixel knows what the visitor decided. */
  async function awaitConsent() {
    if (!settings.consent) return decide(true);
    for (let waited = 0; !askShop(); waited += LOOK_EVERY) {
      if (pixelAgrees()) decide(true);
      if (waited >= LOOK_FOR) return fault('Shopify\'s customer privacy API did not load, so that consent is not known.');
      await pause(LOOK_EVERY);
    }
  }

  /** Whether Shopify's API answers; it is loaded where it is not. https://shopify.dev/docs/api/customer-privacy */
  function askShop() {
    const {Shopify} = window;
    if (Shopify?.customerPrivacy?.analyticsProcessingAllowed) {
      decide(consentOf());
      return true;
    }
    const loads = Shopify?.loadFeatures;
    if (loads && !asked) {
      asked = true;
      loads([{name: 'consent-tracking-api', version: '0.1'}], (error) => {
        if (error) setTimeout(() => { asked = false; }, LOOK_EVERY * 8);
        else askShop();
      });
    }
    return false;
  }

  /** What the visitor decided; undefined before that. @param {{analyticsAllowed?: unknown} | null} [event] */
  function consentOf(event) {
    if (typeof event?.analyticsAllowed === 'boolean') return event.analyticsAllowed;
    const privacy = window.Shopify?.customerPrivacy;
    if (!privacy) return undefined;
    if (privacy.currentVisitorConsent?.()?.analytics === 'no') return false;
    return privacy.analyticsProcessingAllowed() || undefined;
  }

  /** Whether Shopify let the pixel run on this page, which it may do only with consent. */
  function pixelAgrees() {
    return Number(read(PIXEL)) >= performance.timeOrigin;
  }

  /** @param {boolean | undefined} answer */
  function decide(answer) {
    if (answer === undefined) return;
    clearTimeout(refusal);
    refusal = 0;
    if (answer || !settings.consent) agree();
    else if (allowed !== false) refusal = setTimeout(refuse, SETTLE);
  }

  function agree() {
    if (allowed) return;
    allowed = true;
    announce();
    findKey();
  }

  /** Forget everything, also in the cart. */
  function refuse() {
    refusal = 0;
    allowed = false;
    search += 1;
    held = [];
    [settings.cookie, BEFORE, SESSION, SETTINGS, PIXEL, `${settings.cookie}_locale`].forEach(forget);
    hand('');
    announce();
    carry('');
  }

  // ------------------------------------------------------------------------------------------- tabs, and coming back

  function joinTabs() {
    if (tabs || !window.BroadcastChannel) return lookAgain();
    tabs = new BroadcastChannel('tweakwise');
    tabs.onmessage = ({data}) => {
      if (data.allowed) cart = undefined; // the other tab may have written it
      decide(data.allowed);
      follow();
    };
    lookAgain();
  }

  /** Before the page goes, or is put aside for the back button. */
  function leave() {
    if (refusal) {
      clearTimeout(refusal);
      refuse();
      if (cart?.value) postCart('').catch(() => {}); // the page has no time left to wait its turn
    }
    tabs?.close();
    tabs = undefined;
  }

  function announce() {
    tabs?.postMessage({allowed});
  }

  /** What another tab, or another page in this one, changed meanwhile. */
  function lookAgain() {
    if (settings.consent) askShop();
    follow();
  }

  /** Use the key that another tab stored. */
  function follow() {
    const stored = allowed ? usable(read(settings.cookie)) : '';
    if (!stored || stored === key) return;
    hand(stored);
    carry(stored);
  }

  function refresh() {
    const before = settings;
    settings = {...readSettings(), cookie: before.cookie};
    if (JSON.stringify(settings) === JSON.stringify(before)) return;
    cart = undefined;
    if (allowed && settings.account !== before.account) findKey();
    else if (wanted) syncCart();
  }

  // ---------------------------------------------------------------------------------------------------- the key

  /** Find out which key is this visitor's now, and use it. */
  async function findKey() {
    search += 1;
    const mine = search;
    const {account} = settings;
    const own = await alone('tweakwise_key', () => (mine === search ? deviceKey(account) : ''));
    if (!own || mine !== search) return;
    // Until the answer is there no key is in use, so that the pixel waits and nothing goes to the wrong profile. An
    // order that is placed meanwhile still carries the device's own.
    const slow = setTimeout(() => mine === search && carry(own), CARRY_AFTER);
    const given = await askReceiver(own);
    clearTimeout(slow);
    await alone('tweakwise_key', () => {
      if (mine !== search) return;
      if (given) write(BEFORE, `${account}:${own}`);
      use(given || own);
    });
  }

  /** Use the stored key, or a new one; after a login return the device's own instead, for which the receiver is asked. */
  function deviceKey(/** @type {string} */ account) {
    const known = usable(read(settings.cookie));
    const [whose, before = ''] = read(BEFORE).split(':');
    const own = usable(before) || known || random();
    if (!account) {
      forget(BEFORE);
      use(own);
      return '';
    }
    if (known && whose === account) {
      use(known);
      return '';
    }
    write(BEFORE, `:${own}`);
    forget(settings.cookie);
    return read(BEFORE) ? own : '';
  }

  /** The receiver's key of the customer who is logged in; '' when it has none. @param {string} own */
  async function askReceiver(own) {
    try {
      const answer = await ask(`${settings.path}/profile?profile_key=${encodeURIComponent(own)}`, ANSWER_WITHIN);
      if (!answer.ok) faultOf(answer);
      return answer.ok ? usable((await answer.json()).profile_key) : '';
    } catch {
      return '';
    }
  }

  /** Use a key, if the browser stores it: another one on each page would be a new profile each time. @param {string} found */
  function use(found) {
    const {path, cookie, consent, carts, sessions, locale} = settings;
    const flags = Object.entries({consent, carts, sessions}).filter(([, on]) => on).map(([name]) => name);
    write(SETTINGS, [path, cookie, flags.join('.'), locale].join('|'));
    write(cookie, found);
    if (read(cookie) !== found) return hand('');
    hand(found);
    announce();
    carry(found);
  }

  /** Hand the key to the page, for `tn_profilekey`. @param {string} found */
  function hand(found) {
    key = found;
    const profileKey = found || undefined;
    if (window.tweakwiseProfileKey !== profileKey) {
      window.tweakwiseProfileKey = profileKey;
      document.dispatchEvent(new CustomEvent('tweakwise:profile-key', {detail: {profileKey}}));
    }
    if (!found) return;
    const reports = held;
    held = [];
    reports.forEach((send) => send());
  }

  // --------------------------------------------------------------------------------------------------- the cart

  /** What the page was rendered with, or undefined where it does not say. @returns {typeof cart} */
  function cartOfPage() {
    const {carried, items} = settings;
    if (!/^\d+$/.test(items) || (items === '0' && !carried && read('cart'))) return undefined;
    return {items: Number(items), value: carried};
  }

  /** Every request of the shop about a cart, also those of themes and apps: each may create, empty or change it. */
  function watchCart() {
    const about = /\/cart\/(add|change|update|clear)\b|\/api\/[\w-]+\/graphql\.json/;
    try {
      const watch = (/** @type {PerformanceObserverEntryList} */ list) => {
        if (list.getEntries().some(({name}) => about.test(name))) cartChanged();
      };
      new PerformanceObserver(watch).observe({type: 'resource', buffered: true});
    } catch {
      // An old browser: the next page writes the key.
    }
  }

  function cartChanged() {
    cart = undefined;
    if (wanted) syncCart();
  }

  /** @param {string} value */
  function carry(value) {
    if (wanted === undefined && !value && cart && !cart.value) return;
    wanted = value;
    syncCart();
  }

  /** Write what is wanted into the cart, one request at a time in all tabs, until the shop has it. */
  async function syncCart() {
    again = true;
    if (busy) return;
    busy = true;
    for (let tries = 0; again && tries < MOST_TRIES; ) {
      again = false;
      const wait = await alone('tweakwise_cart', writeCart).catch(() => 2 ** tries);
      if (!wait) continue;
      cart = undefined;
      again = true;
      tries += 1;
      await pause(Math.min(wait, LONGEST_WAIT) * 1000);
    }
    busy = false;
  }

  /** Only into a cart that is there: creating one could lose the visitor's first article. Returns the seconds to wait. */
  async function writeCart() {
    const value = wanted || '';
    if (!cart) {
      const now = await shop('cart.js', {cache: 'no-store'});
      if (!now.ok) return waitOf(now);
      cart = cartIn(await now.json());
    }
    if (cart.value === value || !(cart.items || cart.value)) return 0;
    writes += 1;
    if (writes > MOST_WRITES) return 0;
    const answer = await postCart(value);
    if (!answer.ok) return waitOf(answer);
    cart = cartIn(await answer.json());
    return cart.value === value ? 0 : 1;
  }

  /** @param {string} value */
  function postCart(value) {
    const body = JSON.stringify({attributes: {[settings.attribute]: value}});
    return shop('cart/update.js', {method: 'POST', headers: {'Content-Type': 'application/json'}, body, keepalive: true});
  }

  /** @param {{items?: unknown[], item_count?: number, attributes?: Record<string, unknown>}} json */
  function cartIn({items, item_count: count, attributes}) {
    return {items: count ?? items?.length ?? 1, value: String(attributes?.[settings.attribute] ?? '')};
  }

  /** @param {string} path @param {RequestInit} [options] */
  function shop(path, options) {
    return ask(`${window.Shopify?.routes?.root ?? '/'}${path}`, CART_WITHIN, options);
  }

  // -------------------------------------------------------------------------------------------- reports of the page

  /** @param {string} action @param {unknown} product an id, or an object with one */
  function reportProduct(action, product) {
    const {id, product_id = id, variant_id, sku} = Object(product);
    const named = Object(product) === product ? product_id : product;
    if (named === undefined || named === null || named === '') return fault(`${action} needs a product's id.`);
    report(action, {product_id: named, variant_id, sku});
  }

  /** @param {string} action @param {Record<string, unknown>} happened */
  function report(action, happened) {
    if (key) send(action, happened).catch(() => {}); // the shop works without the receiver
    else if (allowed !== false && held.length < MOST_HELD) held.push(() => report(action, happened));
  }

  /** @param {string} action @param {Record<string, unknown>} happened */
  async function send(action, happened) {
    const parameters = {...happened, locale: settings.locale, profile_key: key, session_key: session(action)};
    const query = Object.entries(parameters)
      .filter(([, value]) => value !== undefined && value !== null && value !== '')
      .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
      .join('&');
    for (let tries = 0; tries < 3; tries += 1) {
      const answer = await fetch(`${settings.path}/${action}?${query}`, {keepalive: true});
      if (answer.ok) return;
      if (answer.status !== 429 && answer.status !== 503) return faultOf(answer);
      await pause(waitOf(answer) * 1000);
      if (!key) return;
    }
  }

  /** The key of the visit, which the pixel makes where sessions are reported; a wishlist's event cannot be sent without. */
  function session(/** @type {string} */ action) {
    const known = usable(read(SESSION));
    if (known || action !== 'addtowishlist') return known;
    write(SESSION, random(), SESSION_ENDS);
    return read(SESSION);
  }

  /** @param {[string, unknown]} entry what the block's own script put aside */
  function call([name, value]) {
    if (name === 'consent') decide(consentOf(/** @type {{}} */ (value)));
    else if (name === 'search') page.search?.(value);
    else if (name === 'pageview') page.pageview?.(value);
    else if (name === 'wishlist') page.wishlist?.(value);
  }

  // ---------------------------------------------------------------------------------------------------- settings

  function readSettings() {
    const elements = document.querySelectorAll('[data-tweakwise]');
    const element = /** @type {HTMLElement | undefined} */ (elements[elements.length - 1]);
    const {path = PROXY, cookie = COOKIE, days = '365', attribute = COOKIE, consent, carts, sessions, account = '',
      locale = '', carried = '', items = ''} = element?.dataset ?? {};
    const proxy = `/${path.trim().replace(/^https?:\/\/[^/]*/, '').replace(/^\/+|\/+$/g, '')}`;
    return {
      path: checked('Path of the app proxy', proxy, PROXY, /^(\/[\w.~-]+){2,}$/),
      cookie: checked('Name of the cookie', cookie.trim(), COOKIE, /^(?!cart|localization|_?shopify|_tracking|secure_)[\w.-]{1,64}$/),
      days: Number(checked('Days that the cookie lives', days.trim(), '365', /^([1-9]|[1-9]\d|[1-3]\d\d|400)$/)),
      attribute: checked('Name of the cart attribute', attribute.trim(), COOKIE, /^[^\s"'\\[\]]{1,64}$/),
      consent: consent !== 'false', carts: carts === 'true', sessions: sessions === 'true',
      account, locale: /^[A-Za-z0-9-]{2,20}$/.test(locale) ? locale : '', carried, items,
    };
  }

  /** @param {string} label @param {string} value @param {string} fallback @param {RegExp} shape */
  function checked(label, value, fallback, shape) {
    if (shape.test(value)) return value;
    fault(`the setting "${label}" cannot be ${JSON.stringify(value)}; ${fallback} is used instead.`);
    return fallback;
  }

  /** Write a fault on the console, once. @param {string} text */
  function fault(text) {
    if (!faults.has(text)) console.warn(`Tweakwise profile key: ${text}`);
    faults.add(text);
  }

  /** @param {Response} answer */
  function faultOf(answer) {
    fault(`${new URL(answer.url, location.href).pathname} was answered with ${answer.status}: docs/shopify.md says why.`);
  }

  // ------------------------------------------------------------------------------------------------------- parts

  /** Run `work` while no other tab does. @template T @param {string} name @param {() => T | Promise<T>} work @returns {Promise<T>} */
  async function alone(name, work) {
    return navigator.locks ? navigator.locks.request(name, work) : work();
  }

  /** Fetch, and give up after some milliseconds. @param {string} url @param {number} within @param {RequestInit} [options] */
  async function ask(url, within, options) {
    const stop = new AbortController();
    const late = setTimeout(() => stop.abort(), within);
    return fetch(url, {...options, signal: stop.signal}).finally(() => clearTimeout(late));
  }

  /** Seconds after which a request may be repeated; 0: never. @param {Response} answer */
  function waitOf({status, headers}) {
    if (status !== 429 && status < 500) return 0;
    return Math.min(Math.max(Number(headers.get('Retry-After')) || 2, 1), LONGEST_WAIT);
  }

  /** @param {number} milliseconds */
  function pause(milliseconds) {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  function random() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  /** The text if it is a random key, else '': never another's id, a word such as undefined, or personal data. */
  function usable(/** @type {unknown} */ text) {
    return typeof text === 'string' && KEY.test(text) ? text : '';
  }

  /** @param {string} name */
  function read(name) {
    const found = document.cookie.split('; ').find((pair) => pair.startsWith(`${name}=`));
    return found ? found.slice(name.length + 1) : '';
  }

  /** @param {string} name @param {string} value */
  function write(name, value, seconds = settings.days * 86400) {
    document.cookie = `${name}=${value}; path=/; max-age=${seconds}; samesite=lax${secure()}`;
  }

  /** @param {string} name */
  function forget(name) {
    if (document.cookie.includes(`${name}=`)) document.cookie = `${name}=; path=/; max-age=0; samesite=lax${secure()}`;
  }

  function secure() {
    return location.protocol === 'https:' ? '; secure' : '';
  }
})();
