// What Shopify puts into a custom pixel's sandbox and into a storefront's page, for the type check alone.
import type {ExtensionApi} from '@shopify/web-pixels-extension';

interface CustomerPrivacy {
  analyticsProcessingAllowed(): boolean;
  currentVisitorConsent?(): {analytics?: string};
}

interface ShopifyGlobal {
  customerPrivacy?: CustomerPrivacy;
  designMode?: boolean;
  loadFeatures?(features: {name: string; version: string}[], loaded: (error?: unknown) => void): void;
  routes?: {root: string};
}

declare global {
  // https://shopify.dev/docs/api/web-pixels-api : an app pixel gets these as arguments, a custom pixel as globals.
  const analytics: ExtensionApi['analytics'];
  const browser: ExtensionApi['browser'];
  const init: ExtensionApi['init'];
  const api: Pick<ExtensionApi, 'customerPrivacy'>;

  /** What the app embed offers to the page; `queue` holds calls from before it is there. */
  interface TweakwiseStorefront {
    search?(term: unknown): void;
    pageview?(product: unknown): void;
    wishlist?(product: unknown): void;
    refresh?(): void;
    queue?: {push(entry: [string, unknown]): void; forEach?(work: (entry: [string, unknown]) => void): void};
  }

  interface Window {
    Shopify?: ShopifyGlobal;
    tweakwise?: TweakwiseStorefront;
    tweakwiseProfileKey?: string;
  }

  interface DocumentEventMap {
    // https://shopify.dev/docs/api/customer-privacy
    visitorConsentCollected: CustomEvent<{analyticsAllowed?: boolean} | null>;
  }
}
