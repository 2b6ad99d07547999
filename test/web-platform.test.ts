import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { build } from 'vite';
import { openChromium } from './web-person.ts';
import { ROOT } from './support.ts';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';

const browser: Browser | null = await openChromium();

/** One script of all that the file imports. */
async function bundle(file: string): Promise<string> {
  const output = await build({
    configFile: false,
    logLevel: 'error',
    build: { write: false, lib: { entry: join(ROOT, file), formats: ['iife'], name: 'page' } },
  });
  const [result] = Array.isArray(output) ? output : [output];
  if (result === undefined || !('output' in result)) throw new Error('Nothing was built.');
  return result.output[0].code;
}

describe.runIf(browser !== null)('what the web app keeps in Chromium', () => {
  it('keeps the contract of clients’ stores, sealed, and files that wait', async () => {
    const server = createServer((_request, response) =>
      response.setHeader('content-type', 'text/html').end('<!doctype html>'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const page = await browser!.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await page.addScriptTag({ content: await bundle('src/web/testing/platform-contract.ts') });
      expect(await page.evaluate('runContract()')).toEqual(['7 cases']);
    } finally {
      await browser!.close();
      server.close();
    }
  }, 300_000);
});
