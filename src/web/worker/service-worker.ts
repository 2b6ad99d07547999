/**
 * Keeps the app itself, so that a reload works while the node that served it is down; the app then finds another node.
 * Nothing that nodes answer under /v1 passes through here, and nothing is kept but what the build made.
 */
const worker = self as unknown as ServiceWorkerGlobalScope;

const CACHE = 'parley-app';
const SHELL = '/';
/** A node that takes longer than this to show the newest app is not waited for. */
const SHELL_MS_MAX = 3_000;
const FILES_MAX = 200;

worker.addEventListener('install', (event) => {
  event.waitUntil(keepShell().then(() => worker.skipWaiting()));
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(worker.clients.claim());
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== worker.location.origin || url.pathname.startsWith('/v1/')) return;
  if (request.mode === 'navigate') {
    if (!isPlace(url.pathname)) return;
    event.respondWith(shell());
  } else if (url.pathname.startsWith('/assets/') || /^\/[a-z0-9-]+\.(svg|png|webmanifest)$/.test(url.pathname)) {
    event.respondWith(file(request));
  }
});

/** Where the app shows something; the status page and the documentation are the node's own. */
function isPlace(path: string): boolean {
  return path === '/' || /^\/(r|search|people|settings|join|cluster)(\/|$)/.test(path);
}

/** The newest one, or the one that is kept. */
async function shell(): Promise<Response> {
  const cache = await caches.open(CACHE);
  try {
    const fresh = await fetch(SHELL, { signal: AbortSignal.timeout(SHELL_MS_MAX), cache: 'no-cache' });
    if (!fresh.ok) throw new Error(`The node answered ${fresh.status}.`);
    await cache.put(SHELL, fresh.clone());
    return fresh;
  } catch (error) {
    const kept = await cache.match(SHELL, { ignoreVary: true });
    if (kept === undefined) throw error;
    return kept;
  }
}

/** Files are named by what is in them, so one that is kept is as good as new. */
async function file(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  // What differs by `Vary` is how it was sent, not what it is.
  const kept = await cache.match(request, { ignoreVary: true });
  if (kept !== undefined) return kept;
  const answer = await fetch(request);
  if (answer.ok) {
    await cache.put(request, answer.clone());
    await forgetOldest(cache);
  }
  return answer;
}

/** The page and all files that it names, and those that they name in turn: the whole app. */
async function keepShell(): Promise<void> {
  const cache = await caches.open(CACHE);
  const page = await fetch(SHELL, { cache: 'no-cache' });
  if (!page.ok) throw new Error(`The node answered ${page.status}.`);
  await cache.put(SHELL, page.clone());
  const waiting = namedIn(await page.text());
  const known = new Set<string>();
  for (let path = waiting.pop(); path !== undefined && known.size < FILES_MAX; path = waiting.pop()) {
    if (known.has(path)) continue;
    known.add(path);
    const answer = await fetch(path);
    if (!answer.ok) continue;
    await cache.put(path, answer.clone());
    if (path.endsWith('.js')) waiting.push(...namedIn(await answer.text()));
  }
}

function namedIn(text: string): string[] {
  return Array.from(text.matchAll(/assets\/[A-Za-z0-9._-]+\.(?:js|css)|\.\/([A-Za-z0-9._-]+\.js)/g), ([path, beside]) =>
    beside === undefined ? `/${path}` : `/assets/${beside}`,
  );
}

async function forgetOldest(cache: Cache): Promise<void> {
  const keys = await cache.keys();
  for (const key of keys.slice(0, Math.max(0, keys.length - FILES_MAX))) await cache.delete(key);
}
