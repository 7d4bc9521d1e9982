// Keeps the key by which Tweakwise knows this visitor: makes it, asks which one to use after a login, writes it into
// the cart so that the order carries it, and hands it to the page. The pixel reads the cookie that is kept here.
(() => {
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const {path = '', cookie = '', days = '', attribute = '', consent = '', account = '', locale = ''} = script.dataset;
  let {carried = ''} = script.dataset;

  const KEY = /^[A-Za-z0-9._$=-]{1,128}$/;
  const ANSWER_WITHIN = 3000; // milliseconds
  // While an account's key is in use: whose it is, and the key that this browser had before and gets back at logout.
  const BEFORE = `${cookie}_before`;
  const LOCALE = `${cookie}_locale`;
  const SESSION = `${cookie}_session`; // of the pixel
  let begun = false;

  document.addEventListener('visitorConsentCollected', ({detail}) => decide(detail?.analyticsAllowed ?? isAllowed()));
  if (consent === 'true') {
    // https://shopify.dev/docs/api/customer-privacy : nothing is known before this is loaded, so nothing is done.
    const features = [{name: 'consent-tracking-api', version: '0.1'}];
    window.Shopify?.loadFeatures?.(features, (error) => error || decide(isAllowed()));
  } else {
    decide(true);
  }

  function isAllowed() {
    return window.Shopify?.customerPrivacy?.analyticsProcessingAllowed() ?? false;
  }

  /** @param {boolean} allowed */
  function decide(allowed) {
    if (consent === 'true' && !allowed) return withdraw();
    if (begun) return;
    begun = true;
    if (locale) write(LOCALE, locale);
    keyInUse().then((key) => begun && use(key));
  }

  /** Which key is this visitor's now. */
  async function keyInUse() {
    const known = valid(read(cookie));
    const [whose, before] = read(BEFORE).split(':');
    const own = valid(before) || known || random();
    if (!account) {
      forget(BEFORE);
      return own;
    }
    if (known && whose === account) return known;
    // Until the answer is there no key is in use, so that the pixel waits and nothing goes to the wrong profile.
    write(BEFORE, `:${own}`);
    forget(cookie);
    const key = await ask(own);
    if (key && begun) write(BEFORE, `${account}:${own}`);
    return key || own;
  }

  /** The receiver's key of the customer who is logged in; '' when it has none. @param {string} own */
  async function ask(own) {
    try {
      const signal = AbortSignal.timeout(ANSWER_WITHIN);
      const answer = await fetch(`${path}/profile?profile_key=${encodeURIComponent(own)}`, {signal});
      return answer.ok ? valid((await answer.json()).profile_key) : '';
    } catch {
      return '';
    }
  }

  /** @param {string} key */
  function use(key) {
    write(cookie, key);
    hand(key);
    carry(key);
  }

  /** Forget everything, also in the cart: this visitor does not want it. */
  function withdraw() {
    begun = false;
    [cookie, BEFORE, LOCALE, SESSION].forEach(forget);
    hand(undefined);
    carry('');
  }

  /** Let the page know, for `tn_profilekey`. @param {string | undefined} key */
  function hand(key) {
    if (window.tweakwiseProfileKey === key) return;
    window.tweakwiseProfileKey = key;
    document.dispatchEvent(new CustomEvent('tweakwise:profile-key', {detail: {profileKey: key}}));
  }

  /** Write the key into the cart, whose attributes Shopify copies into the order. @param {string} key */
  function carry(key) {
    if (carried === key) return;
    carried = key;
    const body = JSON.stringify({attributes: {[attribute]: key}});
    const headers = {'Content-Type': 'application/json'};
    const url = `${window.Shopify?.routes?.root ?? '/'}cart/update.js`;
    fetch(url, {method: 'POST', headers, body, keepalive: true}).catch(() => {}); // a shop works without us
  }

  function random() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  /** @param {unknown} key */
  function valid(key) {
    return typeof key === 'string' && KEY.test(key) ? key : '';
  }

  /** @param {string} name */
  function read(name) {
    const found = document.cookie.split('; ').find((pair) => pair.startsWith(`${name}=`));
    return found ? found.slice(name.length + 1) : '';
  }

  /** @param {string} name @param {string} value */
  function write(name, value) {
    document.cookie = `${name}=${value}; path=/; max-age=${Number(days) * 86400}; samesite=lax${secure()}`;
  }

  /** @param {string} name */
  function forget(name) {
    document.cookie = `${name}=; path=/; max-age=0; samesite=lax${secure()}`;
  }

  function secure() {
    return location.protocol === 'https:' ? '; secure' : '';
  }
})();
