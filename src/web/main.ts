import { mount } from 'svelte';
import './style/tokens.css';
import './style/base.css';
import App from './app.svelte';
import { applyTheme, rememberedTheme } from './state/theme.ts';
import { scriptAddress } from './platform/trusted-script.ts';
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
  navigator.serviceWorker.register(scriptAddress(WORKER)).catch(() => {});
}
