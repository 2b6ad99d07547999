import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

export interface WebFile {
  readonly type: string;
  readonly etag: string;
  /** Its name changes with its content, so that it may be kept for ever. */
  readonly isImmutable: boolean;
  readonly bytes: Buffer;
  /** Compressed as the build left it beside the file. */
  readonly brotli: Buffer | null;
}

/**
 * The web app as it was built, all of it in memory: it is small, and a request never waits for the disk. Only what is
 * in this table is served, so no path leads out of the folder.
 *
 * @returns by path from the folder, with `/`; empty where nothing was built
 */
export function readWebFiles(folder: string): ReadonlyMap<string, WebFile> {
  const files = new Map<string, WebFile>();
  if (!existsSync(folder)) return files;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const path = join(folder, name);
    const bytes = readFileSync(path);
    files.set(name.split(sep).join('/'), {
      type,
      etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
      isImmutable: name.startsWith(`assets${sep}`),
      bytes,
      brotli: existsSync(`${path}.br`) ? readFileSync(`${path}.br`) : null,
    });
  }
  return files;
}
