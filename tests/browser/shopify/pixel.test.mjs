// What the pixel reports, in a sandbox of Node's with Shopify's globals stood in for.
import assert from 'node:assert/strict';
import {webcrypto as crypto} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';
import vm from 'node:vm';

const SOURCE = readFileSync(new URL('../../../storefront/shopify/pixel.js', import.meta.url), 'utf8');
const KEY = '3f6c1e0a8d524b7a9c1e2f4d5a6b7c8d';
const SETTINGS = '/apps/tweakwise|tweakwise_profile_key|consent|nl';
const EMBED = {tweakwise_storefront: SETTINGS, tweakwise_profile_key: KEY}; // what the app embed stores
const CONTEXT = {document: {location: {origin: 'https://acme.example', search: '?q=a'}}};
const PRODUCT = {id: '80', title: 'Mug', url: '/'};
const VARIANT = {id: '44', sku: 'MUG', title: 'Blue', price: {amount: 19.95, currencyCode: 'EUR'}, product: PRODUCT};
const LINE = {merchandise: VARIANT, quantity: 2, cost: {totalAmount: {amount: 39.9, currencyCode: 'EUR'}}};

/** The pixel, started with these cookies and this consent. */
function pixel({cookies = {...EMBED}, allowed = true} = {}) {
  const subscribed = {}, asked = [];
  let decide = () => {}, waiting = 0;
  vm.runInNewContext(SOURCE, {
    analytics: {subscribe: (name, callback) => { subscribed[name] = callback; }},
    api: {customerPrivacy: {
      subscribe(name, callback) { assert.equal(name, 'visitorConsentCollected'); decide = callback; },
    }},
    init: {customerPrivacy: {analyticsProcessingAllowed: allowed}, data: {shop: {storefrontUrl: 'https://shop.example/nl'}}},
    browser: {cookie: {
      get: async (name) => cookies[name] ?? '',
      set: async (text) => { const [name, value] = text.split(';')[0].split('='); cookies[name] = value; },
    }},
    fetch: async (url, options) => { asked.push({url: new URL(url), options}); },
    setTimeout(callback) { // time flies
      waiting += 1;
      setTimeout(() => { waiting -= 1; callback(); }, 1);
    },
    crypto, Uint8Array, URL, URLSearchParams,
  });
  return {
    subscribed, asked, cookies,
    decide: (analyticsProcessingAllowed) => decide({customerPrivacy: {analyticsProcessingAllowed}}),
    publish: (name, data, context = CONTEXT) => subscribed[name]({name, context, data}),
    /** What was reported, once all is quiet. */
    async reported() {
      for (let quiet = 0; quiet < 3; quiet = waiting ? 0 : quiet + 1) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return asked.map(({url}) => [url.origin + url.pathname, Object.fromEntries(url.searchParams)]);
    },
  };
}

const search = (query) => ({searchResult: {query, productVariants: []}});

test('a search is reported as typed, with the key and nothing else of the visitor', async () => {
  const shop = pixel({cookies: {...EMBED, _shopify_y: 'x'}});
  shop.publish('search_submitted', search(' rode jas & thé +50% '));
  const [[url, parameters]] = await shop.reported();
  assert.equal(url, 'https://acme.example/apps/tweakwise/search');
  assert.deepEqual(parameters, {term: 'rode jas & thé +50%', locale: 'nl', profile_key: KEY});
  assert.ok(!shop.asked[0].url.search.includes('+'), 'a space is %20, which is unambiguous');
  assert.deepEqual({...shop.asked[0].options}, {mode: 'no-cors', keepalive: true});
});

test('a view is reported with what a product key can be made of', async () => {
  const shop = pixel();
  shop.publish('product_viewed', {productVariant: VARIANT});
  shop.publish('product_viewed', {productVariant: {...VARIANT, id: null, sku: null}});
  assert.deepEqual((await shop.reported()).map(([, parameters]) => parameters), [
    {product_id: '80', variant_id: '44', sku: 'MUG', currency: 'EUR', locale: 'nl', profile_key: KEY},
    {product_id: '80', currency: 'EUR', locale: 'nl', profile_key: KEY},
  ]);
});

test('turning the page of results is no search', async () => {
  const shop = pixel();
  for (const asked of ['?q=jas&page=2', '?q=jas&page=1', '?q=jas&page=x']) {
    const location = {...CONTEXT.document.location, search: asked};
    shop.publish('search_submitted', search(asked), {document: {location}});
  }
  assert.deepEqual((await shop.reported()).map(([, parameters]) => parameters.term), ['?q=jas&page=1', '?q=jas&page=x']);
});

test('what is no search and no product is not reported', async () => {
  const shop = pixel();
  shop.publish('search_submitted', search('  '));
  shop.publish('product_viewed', {productVariant: {...VARIANT, product: {...VARIANT.product, id: null}}});
  assert.deepEqual(await shop.reported(), []);
});

/** The app embed's cookies with these of its settings switched on. */
const withFlags = (...flags) => ({...EMBED, tweakwise_storefront: SETTINGS.replace('consent', ['consent', ...flags].join('.'))});

test('carts and sessions are not reported unless they are switched on in the app embed', async () => {
  const shop = pixel();
  shop.publish('page_viewed', {});
  shop.publish('product_added_to_cart', {cartLine: LINE});
  assert.deepEqual(await shop.reported(), []);
});

test('what is put into the cart is reported once switched on', async () => {
  const shop = pixel({cookies: withFlags('carts')});
  shop.publish('product_added_to_cart', {cartLine: LINE});
  shop.publish('product_added_to_cart', {cartLine: null});
  const [[url, parameters], ...more] = await shop.reported();
  assert.ok(url.endsWith('/apps/tweakwise/addtocart'));
  assert.deepEqual([parameters.quantity, parameters.amount, parameters.product_id], ['2', '39.9', '80']);
  assert.deepEqual(more, []);
});

test('a session begins once, and its key goes along', async () => {
  const shop = pixel({cookies: withFlags('carts', 'sessions')});
  shop.publish('page_viewed', {});
  await shop.reported();
  shop.publish('page_viewed', {});
  shop.publish('search_submitted', search('jas'));
  const parameters = await shop.reported();
  assert.deepEqual(parameters.map(([url]) => url.split('/').at(-1)), ['sessionstart', 'search']);
  assert.match(parameters[0][1].session_key, /^[0-9a-f]{32}$/);
  assert.equal(parameters[0][1].session_key, parameters[1][1].session_key);
});

test('path and cookie are those of the app embed', async () => {
  const shop = pixel({cookies: {tweakwise_storefront: '/a/tw|other|consent|', other: KEY}});
  shop.publish('search_submitted', search('jas'));
  const [[url, parameters]] = await shop.reported();
  assert.equal(url, 'https://acme.example/a/tw/search');
  assert.deepEqual(parameters, {term: 'jas', profile_key: KEY});
});

test('a term is cut to what the receiver accepts', async () => {
  const shop = pixel();
  shop.publish('search_submitted', search('\u{1F9E5}'.repeat(600)));
  const [[, {term}]] = await shop.reported();
  assert.equal(Array.from(term).length, 500);
});

test('with consent the app embed is informed of it, without it nothing is stored', () => {
  const agreed = pixel({cookies: {}}), undecided = pixel({cookies: {}, allowed: false});
  assert.match(agreed.cookies.tweakwise_pixel, /^\d{13}$/);
  assert.deepEqual(undecided.cookies, {});
  undecided.decide(true);
  assert.match(undecided.cookies.tweakwise_pixel, /^\d{13}$/);
});

const checkout = (changed = {}) => ({checkout: {token: 'c0ffee', order: {id: '5001'}, attributes: [], ...changed}});

test('a checkout whose cart did not carry the key is reported to the shop, with order, token and key', async () => {
  const shop = pixel();
  shop.publish('checkout_completed', checkout());
  shop.publish('checkout_completed', checkout({order: {id: 'gid://shopify/OrderIdentity/5002?x=1'}}));
  assert.deepEqual(await shop.reported(), [
    ['https://shop.example/apps/tweakwise/checkout', {order_id: '5001', checkout_token: 'c0ffee', profile_key: KEY}],
    ['https://shop.example/apps/tweakwise/checkout', {order_id: '5002', checkout_token: 'c0ffee', profile_key: KEY}],
  ]);
});

test('a checkout that carries the key, or that names no order, is not reported', async () => {
  const shop = pixel();
  shop.publish('checkout_completed', checkout({attributes: [{key: '_key', value: KEY}]}));
  shop.publish('checkout_completed', checkout({order: null}));
  shop.publish('checkout_completed', checkout({token: null}));
  assert.deepEqual(await shop.reported(), []);
});

test('where no consent is needed, a checkout is reported with the key at once', async () => {
  const cookies = {...EMBED, tweakwise_storefront: SETTINGS.replace('consent', '')};
  const shop = pixel({allowed: false, cookies});
  shop.publish('checkout_completed', checkout());
  assert.deepEqual((await shop.reported()).map(([, {profile_key: key, consent}]) => [key, consent]), [[KEY, undefined]]);
});

test('a checkout without consent is reported as a refusal, without a key', async () => {
  const shop = pixel({allowed: false});
  shop.publish('checkout_completed', checkout());
  const [[url, parameters]] = await shop.reported();
  assert.ok(url.endsWith('/apps/tweakwise/checkout'));
  assert.deepEqual(parameters, {order_id: '5001', checkout_token: 'c0ffee', consent: 'no'});
});

test('before the visitor decides nothing goes out, afterwards what happened on this page', async () => {
  const shop = pixel({allowed: false});
  shop.publish('search_submitted', search('jas'));
  assert.deepEqual(await shop.reported(), []);
  shop.decide(true);
  assert.deepEqual((await shop.reported()).map(([, parameters]) => parameters.term), ['jas']);
});

test('what happened before a refusal is forgotten, and never reported', async () => {
  const shop = pixel({allowed: false});
  shop.publish('search_submitted', search('jas'));
  shop.decide(false);
  shop.decide(true);
  assert.deepEqual(await shop.reported(), []);
});

test('nothing goes out any more once consent is taken back', async () => {
  const shop = pixel();
  shop.decide(false);
  shop.publish('search_submitted', search('jas'));
  assert.deepEqual(await shop.reported(), []);
});

test('consent that is taken back while the key is waited for counts', async () => {
  const shop = pixel({cookies: {tweakwise_storefront: SETTINGS}});
  shop.publish('search_submitted', search('jas'));
  shop.decide(false);
  shop.cookies.tweakwise_profile_key = KEY;
  assert.deepEqual(await shop.reported(), []);
});

test('a shop may do without consent', async () => {
  const shop = pixel({allowed: false, cookies: {...EMBED, tweakwise_storefront: SETTINGS.replace('consent', '')}});
  shop.publish('search_submitted', search('jas'));
  assert.equal((await shop.reported()).length, 1);
});

test('it waits for the key that the app embed is about to write', async () => {
  const shop = pixel({cookies: {tweakwise_storefront: SETTINGS}});
  shop.publish('search_submitted', search('jas'));
  setTimeout(() => { shop.cookies.tweakwise_profile_key = KEY; }, 10);
  assert.deepEqual((await shop.reported()).map(([, parameters]) => parameters.profile_key), [KEY]);
});

for (const value of [undefined, '', 'undefined', '0612345678', 'jan@example.test', 'a b', 'x'.repeat(129)]) {
  test(`without a usable key (${String(value).slice(0, 20)}) nothing is reported and none is made`, async () => {
    const shop = pixel({cookies: {...EMBED, tweakwise_profile_key: value}});
    shop.publish('search_submitted', search('jas'));
    assert.deepEqual(await shop.reported(), []);
    assert.equal(shop.cookies.tweakwise_profile_key, value);
  });
}

test('at most twenty things are held', async () => {
  const shop = pixel({allowed: false});
  for (let number = 0; number < 30; number += 1) shop.publish('search_submitted', search(`jas ${number}`));
  shop.decide(true);
  assert.equal((await shop.reported()).length, 20);
});
