// What a custom pixel finds in its sandbox: analytics, browser, init and api, as far as they are documented at
// https://shopify.dev/docs/api/web-pixels-api .
const init = JSON.parse(window.name);
const subscribed = new Map();
const privacy = [];
const waiting = new Map();
let numbers = 0;

const ask = (question) => new Promise((resolve) => {
  numbers += 1;
  waiting.set(numbers, resolve);
  parent.postMessage({...question, id: numbers}, '*');
});

const browser = {cookie: {
  get: (name) => ask({get: name}),
  set: (text, value) => ask({set: value === undefined ? text : `${text}=${value}`}),
}};
const analytics = {subscribe: (name, callback) => subscribed.set(name, [...(subscribed.get(name) ?? []), callback])};
const api = {customerPrivacy: {subscribe: (name, callback) => privacy.push(callback)}};

addEventListener('message', ({data}) => {
  if (data.answer) waiting.get(data.answer)(data.value);
  if (data.privacy) privacy.forEach((callback) => callback({customerPrivacy: data.privacy}));
  if (data.name) (subscribed.get(data.name) ?? []).forEach((callback) => callback({type: 'standard', ...data}));
});
addEventListener('load', () => parent.postMessage({ready: true}, '*'));
