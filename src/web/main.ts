import { mount } from 'svelte';
import './style/tokens.css';
import './style/base.css';
import App from './app.svelte';
import { applyTheme, rememberedTheme } from './state/theme.ts';
import { t } from './text/catalogue.ts';

const WORKER = '/service-worker.js';

document.documentElement.lang = t.language;
document.documentElement.dir = t.direction;
applyTheme(rememberedTheme());
mount(App, { target: document.getElementById('app')! });
registerWorker();

/** Without it the app works all the same, but a reload only while its node answers. */
function registerWorker(): void {
  if (!('serviceWorker' in navigator)) return;
  // Where the policy of the page knows Trusted Types, a script's address has to be one.
  const policy = window.trustedTypes?.createPolicy('parley-worker', { createScriptURL: (path) => path });
  const address = (policy?.createScriptURL(WORKER) ?? WORKER) as string;
  navigator.serviceWorker.register(address).catch(() => {});
}
