// A page of a shop that loads Shopify's scripts in any order, and what walks a journey through it: consent, pixel, cart.
// Time is virtual: when nothing is under way, the next timer is due, so that a minute of waiting takes milliseconds.
(() => {
  const {journey, steps, event} = window.JOURNEY;
  const CONSENT = '_consent';
  const HORIZON = 120000;
  const CART = /\/cart\/(add|update)\.js/;

  // ---------------------------------------------------------------------------------------------------- time
  const later = window.setTimeout.bind(window);
  const timers = new Map();
  let now = 0, ids = 0, running = 0, entries = 0;
  window.setTimeout = (work, after = 0) => {
    ids += 1;
    timers.set(ids, {due: now + after, work});
    return ids;
  };
  window.clearTimeout = (id) => timers.delete(id);

  const load = window.fetch.bind(window);
  window.fetch = async (url, options) => {
    if (String(url).includes(journey.hangs || '\0')) {
      return new Promise((_, fail) => options?.signal?.addEventListener('abort', () => fail(new Error('aborted'))));
    }
    running += 1;
    if (CART.test(url)) entries += 1;
    try {
      const answer = await load(url, {...options, mode: 'same-origin'});
      const copy = new Response(await answer.arrayBuffer(), {status: answer.status, headers: answer.headers});
      return Object.defineProperty(copy, 'url', {value: answer.url});
    } finally {
      running -= 1;
    }
  };
  const locks = navigator.locks.request.bind(navigator.locks);
  navigator.locks.request = (name, work) => {
    running += 1;
    return locks(name, work).finally(() => { running -= 1; });
  };
  new PerformanceObserver((list) => {
    entries -= list.getEntries().filter(({name}) => CART.test(name)).length;
  }).observe({type: 'resource'});

  const {port1, port2} = new MessageChannel();
  const task = () => new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(0);
  });

  /** Until nothing is under way, or, with `until`, until that time. */
  async function quiet(until = HORIZON) {
    for (let idle = 0; ;) {
      await task();
      if (running || entries > 0) {
        idle = 0;
        await new Promise((resolve) => later(resolve, 1));
        continue;
      }
      idle += 1;
      if (idle < 4) continue;
      const [id, next] = [...timers].sort(([, a], [, b]) => a.due - b.due)[0] ?? [];
      if (!next || next.due > until) return;
      timers.delete(id);
      now = Math.max(now, next.due);
      next.work();
      idle = 0;
    }
  }

  // ------------------------------------------------------------------------------------------------- Shopify
  const cookie = (name) => document.cookie.split('; ').find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
  const allowed = () => cookie(CONSENT) === 'yes';
  const faults = [];
  console.warn = (text) => faults.push(text);
  addEventListener('error', (error) => faults.push(`error: ${error.message}`));
  addEventListener('unhandledrejection', (error) => faults.push(`error: ${error.reason}`));

  if (journey.cookies === 'refused') {
    const stored = Object.getOwnPropertyDescriptor(Document.prototype, 'cookie');
    Object.defineProperty(document, 'cookie', {configurable: true, get: () => stored.get.call(document), set() {}});
  }
  const root = journey.root ?? '/';
  window.Shopify = {routes: {root}, designMode: journey.design};
  const customerPrivacy = {
    analyticsProcessingAllowed: allowed,
    currentVisitorConsent: () => ({analytics: cookie(CONSENT) ?? '', marketing: ''}),
    setTrackingConsent: ({analytics}, done) => { collect(analytics); done?.(); },
  };
  window.feature = () => {
    window.Shopify.loadFeatures = (features, loaded) => setTimeout(() => {
      if (journey.load === 'error') return loaded(new Error('blocked'));
      window.Shopify.customerPrivacy = customerPrivacy;
      loaded();
    }, 20);
  };
  if (journey.load === 'late') addEventListener('load', () => setTimeout(window.feature, 8000));

  /** The visitor decides: a tool that Shopify does not remember only dispatches the event. */
  function collect(analytics) {
    if (!journey.forgetful) document.cookie = `${CONSENT}=${analytics ? 'yes' : 'no'}; path=/`;
    document.dispatchEvent(new CustomEvent('visitorConsentCollected', {detail: {analyticsAllowed: analytics}}));
    subscribers.forEach((callback) => callback({customerPrivacy: {analyticsProcessingAllowed: analytics}}));
    if (analytics) startPixel(true);
  }
  if (journey.forgetful) addEventListener('load', () => setTimeout(() => collect(true), 500));

  // The pixel, which Shopify starts with consent only, or in any case where the merchant chose so.
  const subscribers = [], subscribed = {};
  let started = false;
  function startPixel(agreed) {
    if (started) return;
    started = true;
    const browser = {cookie: {
      get: async (name) => cookie(name) ?? '',
      set: async (text) => { document.cookie = text; },
    }};
    const analytics = {subscribe: (name, callback) => { subscribed[name] = callback; }};
    const api = {customerPrivacy: {subscribe: (name, callback) => subscribers.push(callback)}};
    const init = {customerPrivacy: {analyticsProcessingAllowed: agreed}};
    new Function('analytics', 'browser', 'init', 'api', window.PIXEL)(analytics, browser, init, api);
    publish('page_viewed', {});
    if (event) publish(...event);
  }
  const publish = (name, data) => {
    const {origin, search} = location;
    subscribed[name]?.({name, data, context: {document: {location: {origin, search}}}});
  };
  addEventListener('DOMContentLoaded', () => {
    if (allowed() || journey.permission === 'none') startPixel(allowed());
  });

  // ------------------------------------------------------------------------------------------------ the visitor
  const DOES = {
    agree: () => collect(true),
    refuse: () => collect(false),
    waver: () => [true, false, true].forEach((answer) => collect(answer)),
    add: () => fetch(`${root}cart/add.js`, {method: 'POST'}),
    empty: () => fetch(`${root}cart/empty.js`, {method: 'POST'}),
    order: () => fetch('/order', {method: 'POST'}),
    replace: () => fetch(`${root}cart/replace.js`, {method: 'POST'}).then(() => {
      document.dispatchEvent(new CustomEvent('shopify:cart:attributes-update'));
    }),
    ask: () => window.tweakwise.search('jas '.repeat(200)),
    view: () => window.tweakwise.pageview({id: 7, sku: 'A'}),
    mark: () => window.tweakwise.wishlist('gid://shopify/Product/8'),
    clear: () => { document.cookie = 'tweakwise_profile_key=; path=/; max-age=0'; },
  };
  window.visit = async () => {
    await quiet();
    for (const step of steps) {
      await DOES[step]();
      await quiet();
    }
    const seen = {key: window.tweakwiseProfileKey ?? '', cookies: document.cookie, faults};
    const {next} = await (await load('/page', {method: 'POST', body: JSON.stringify(seen)})).json();
    location.href = next;
  };
  addEventListener('load', () => later(window.visit, 0));
})();
