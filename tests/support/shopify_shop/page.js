// What Shopify puts into every page of a storefront, as far as pixels and consent go: the customer privacy API, and the
// manager that runs each custom pixel in a sandboxed iframe and talks with it by messages.
(() => {
  const CONSENT = '_tracking_consent';
  const {event} = document.currentScript.dataset; // what happened on this page: {"name": ..., "data": ...} or nothing

  const decided = () => document.cookie.split('; ').find((pair) => pair.startsWith(`${CONSENT}=`))?.split('=')[1] ?? '';
  const allowed = () => decided() === 'yes';
  const status = () => ({
    analyticsProcessingAllowed: allowed(), marketingAllowed: allowed(),
    preferencesProcessingAllowed: allowed(), saleOfDataAllowed: allowed(),
  });

  window.Shopify = {routes: {root: '/'}};
  // A deferred script brings this, as on Shopify: it comes after the app embed.
  window.loadFeature = () => {
    window.Shopify.loadFeatures = (features, loaded) => setTimeout(() => {
      window.Shopify.customerPrivacy = {
        analyticsProcessingAllowed: allowed,
        currentVisitorConsent: () => ({analytics: decided(), marketing: decided()}),
        setTrackingConsent({analytics}, done) {
          document.cookie = `${CONSENT}=${analytics ? 'yes' : 'no'}; path=/; max-age=31536000; samesite=lax`;
          const detail = {
            analyticsAllowed: analytics, marketingAllowed: analytics, preferencesAllowed: analytics, saleOfDataAllowed: analytics,
          };
          document.dispatchEvent(new CustomEvent('visitorConsentCollected', {detail}));
          post({privacy: status()});
          done?.();
        },
      };
      loaded();
    }, 20);
  };

  const {href, origin, pathname, search, host, hostname, hash, protocol, port} = location;
  const context = {
    document: {location: {href, origin, pathname, search, host, hostname, hash, protocol, port}, referrer: document.referrer, title: document.title},
    navigator: {userAgent: navigator.userAgent, language: navigator.language},
  };
  let frame;
  const post = (message) => frame?.contentWindow.postMessage(message, '*');

  // The pixel's frame has an origin of its own: it sees neither page nor cookies, and asks for them.
  window.addEventListener('message', ({source, data}) => {
    if (!frame || source !== frame.contentWindow) return;
    if (data.ready) {
      post({name: 'page_viewed', context, data: {}});
      if (event) post({...JSON.parse(event), context});
      document.documentElement.dataset.pixel = 'ready'; // for the test
    }
    if (data.get !== undefined) {
      const found = document.cookie.split('; ').find((pair) => pair.startsWith(`${data.get}=`));
      post({answer: data.id, value: found ? found.slice(data.get.length + 1) : ''});
    }
    if (data.set !== undefined) {
      document.cookie = data.set;
      post({answer: data.id, value: ''});
    }
  });

  addEventListener('DOMContentLoaded', () => {
    frame = document.createElement('iframe');
    frame.sandbox = 'allow-scripts allow-forms';
    frame.hidden = true;
    frame.name = JSON.stringify({context, customerPrivacy: status(), data: {customer: null, cart: null, shop: {storefrontUrl: origin}}});
    frame.src = '/web-pixels/sandbox';
    document.body.append(frame);
  });
})();
