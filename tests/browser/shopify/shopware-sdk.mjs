// Answers requests with Shopware's own SDK: cases as JSON on stdin, answers on stdout. A case is a list of steps of one
// app: sign {text, secret}, begin {query, headers}, pending {id, secret}, confirm {body, headers}, webhook {body, id,
// signature, later}, or bench {times, body, secret}. `pending` sets the secret that the shop confirms: it is random.
import { AppServer, InMemoryShopRepository } from '@shopware-ag/app-server-sdk';
import { DualSignatureVerifier } from './node_modules/@shopware-ag/app-server-sdk/dist/esm/dual-signature-verifier.js';

const URL_OF_APP = 'https://events.example/handshake';

async function text() {
  let found = '';
  for await (const part of process.stdin.setEncoding('utf8')) found += part;
  return found;
}

const steps = {
  sign: (app, { text: message, secret }) => app.signer.sign(message, secret),
  async begin(app, { query, headers }) {
    const answer = await app.registration.authorize(new Request(`${URL_OF_APP}?${query}`, { headers }));
    return answer.ok ? Object.values(await answer.json())[0] : ''; // the first value is the signature
  },
  async pending(app, { id, secret }) {
    const shop = await app.repository.getShopById(id);
    shop.setPendingShopSecret(secret);
    await app.repository.updateShop(shop);
    return true;
  },
  async confirm(app, { body, headers }) {
    return (await app.registration.authorizeCallback(new Request(URL_OF_APP, { method: 'POST', body, headers }))).ok;
  },
  async webhook(app, { body, id, signature, later }) {
    const verifier = new DualSignatureVerifier(app.signer, () => new Date(Date.now() + later * 1000));
    const request = new Request(URL_OF_APP, { method: 'POST', headers: { 'shopware-shop-signature': signature } });
    const shop = await app.repository.getShopById(id);
    return verifier.authenticatePostRequest(request, body, shop).then(() => true, () => false);
  },
  async bench(app, { times, body, secret, query, headers }) {
    const signature = await app.signer.sign(body, secret);
    const measured = async (work) => {
      const began = performance.now();
      for (let number = 0; number < times; number += 1) await work();
      return ((performance.now() - began) * 1000) / times;
    };
    return [
      await measured(() => app.signer.verify(signature, body, secret)),
      await measured(() => steps.begin(app, { query, headers })),
    ];
  },
};

const { secret, name, cases } = JSON.parse(await text());
const answers = [];
for (const asked of cases) {
  const app = new AppServer(
    { appName: name, appSecret: secret, authorizeCallbackUrl: `${URL_OF_APP}/confirm` },
    new InMemoryShopRepository(),
  );
  const found = [];
  for (const [step, given] of asked) found.push(await steps[step](app, given));
  answers.push(found);
}
process.stdout.write(JSON.stringify(answers));
