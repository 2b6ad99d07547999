import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterStatus } from '../scripts/chaos/final-state.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { CHATD, until } from './support.ts';
import { openChromium, WebPerson } from './web-person.ts';
import type { Browser } from 'playwright-core';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';

const browser: Browser | null = await openChromium();
const PHONE = { width: 390, height: 780 };
/** One red pixel. */
const PICTURE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';

describe.runIf(browser !== null)('the web app, in Chromium, on three nodes', () => {
  let cluster: ScratchCluster;
  let urls: string[];
  let ann: WebPerson;
  let bob: WebPerson;
  beforeAll(async () => {
    cluster = await startScratchCluster({ ...{ nodes: 3, restart: false, env: {} }, say: () => {}, chatdFile: CHATD });
    urls = cluster.layout.nodes.map(apiUrl);
    ann = await WebPerson.signedUp(browser!, urls[0]!, 'ann');
    bob = await WebPerson.signedUp(browser!, urls[1]!, 'bob', PHONE);
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await cluster?.close();
  });

  it('leads from signing up to a conversation between two nodes', async () => {
    await ann.writeTo('bob');
    await ann.say('bob', 'Hello **there** :wave:');
    await bob.open('ann');
    await bob.sees('there');
    await bob.sees('👋');
    expect(await bob.history.locator('strong').allTextContents()).toContain('there');
    await bob.say('ann', 'Good to see you');
    await ann.sees('Good to see you');
    await ann.history.getByTitle('Read').first().waitFor();
  }, 300_000);

  it('shows what hostile people write as text, and nothing of it runs', async () => {
    const hostile =
      '<img src=x onerror="window.hit=1"><script>window.hit=1</script> [x](javascript:window.hit=1) \u202egnp.exe';
    await bob.say('ann', hostile);
    await ann.sees('onerror');
    expect(await ann.page.evaluate('window.hit')).toBeUndefined();
    expect(await ann.history.locator('img[src="x"], script, a[href^="javascript"]').count()).toBe(0);
    const list = ann.page.getByRole('list', { name: 'Conversations' });
    await list.getByText('gnp.exe').waitFor();
    expect(await list.textContent()).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
  }, 300_000);

  it('keeps what is written offline over a reload, and sends it once', async () => {
    await bob.page.evaluate('navigator.serviceWorker.ready.then(() => 0)');
    await bob.context.setOffline(true);
    await bob.say('ann', 'written in a tunnel');
    await bob.sees('written in a tunnel');
    await bob.page.reload();
    await bob.sees('written in a tunnel');
    await bob.context.setOffline(false);
    await ann.sees('written in a tunnel');
    await bob.history.getByTitle('Read').last().waitFor();
    // Between leaving the outbox and coming back from the log it may not be shown for a moment.
    await bob.sees('written in a tunnel');
    expect(await ann.history.getByText('written in a tunnel').count()).toBe(1);
    expect(await bob.history.getByText('written in a tunnel').count()).toBe(1);
  }, 300_000);

  it('sends a picture with a preview, which the other opens', async () => {
    const file = { name: 'red.png', mimeType: 'image/png', buffer: Buffer.from(PICTURE, 'base64') };
    await ann.page.locator('input[type=file]').setInputFiles(file);
    await bob.history.getByRole('button', { name: 'Picture: red.png' }).click();
    const shown = bob.page.getByRole('dialog', { name: 'red.png' }).getByRole('img');
    await shown.waitFor();
    await until('the picture to be drawn', () =>
      shown.evaluate((image) => (image as unknown as { complete: boolean }).complete),
    );
    expect(await shown.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth)).toBe(1);
    await bob.page.keyboard.press('Escape');
  }, 300_000);

  it('links a further device by its code', async () => {
    const tablet = await WebPerson.open(browser!, urls[2]!, 'ann');
    await tablet.page.getByRole('tab', { name: 'Link this device' }).click();
    await tablet.page.getByLabel('Name').fill('ann');
    await tablet.page.getByRole('button', { name: 'Show code' }).click();
    const code = await tablet.page.locator('output').textContent();
    await ann.page.goto(`${urls[0]}/settings#approve=${code}`);
    await ann.page.getByRole('button', { name: 'Approve', exact: true }).click();
    await tablet.isIn();
    await tablet.open('bob');
    await bob.say('ann', 'for all of your devices');
    await tablet.sees('for all of your devices');
    expect(tablet.complaints).toEqual([]);
    await tablet.context.close();
  }, 300_000);

  it('logs in by password and recovery code', async () => {
    const tablet = await WebPerson.open(browser!, urls[2]!, 'bob');
    await tablet.page.getByRole('tab', { name: 'Log in' }).click();
    await tablet.page.getByLabel('Name').fill('bob');
    await tablet.page.getByLabel('Password', { exact: true }).fill('not the password');
    const go = tablet.page.getByRole('tabpanel').getByRole('button', { name: 'Log in' });
    await go.click();
    await tablet.page.getByRole('alert').getByText('wrong').waitFor();
    await tablet.page.getByLabel('Password', { exact: true }).fill('the password of bob');
    await go.click();
    await tablet.page.getByLabel('Recovery code').fill(bob.recoveryCode);
    await go.click();
    await tablet.isIn();
    expect(tablet.complaints).toEqual([]);
    await tablet.context.close();
  }, 300_000);

  it('goes on through another node when the leader dies while somebody types', async () => {
    await ann.page.goto(urls[0]!);
    await ann.open('bob');
    const { leader } = await clusterStatus(cluster.layout);
    await ann.composer('bob').fill('still ');
    await cluster.supervisor.killNode(leader!, { withSidecar: true });
    await ann.composer('bob').pressSequentially('here');
    await ann.composer('bob').press('Enter');
    await bob.sees('still here');
    await bob.say('ann', 'so am I');
    await ann.sees('so am I');
    expect(await ann.history.getByText('still here').count()).toBe(1);
  }, 300_000);

  it('has no barriers that axe knows of, and no complaints of the browser', async () => {
    const found: string[] = [...(await ann.barriers()), ...(await bob.barriers())];
    await ann.page.getByRole('button', { name: 'Settings' }).click();
    await ann.page.getByRole('heading', { name: 'Devices' }).waitFor();
    found.push(...(await ann.barriers()));
    const { nodes } = await clusterStatus(cluster.layout);
    const url = urls[nodes.findIndex(({ up }) => up)]!;
    const stranger = await WebPerson.open(browser!, url, 'cay');
    await stranger.page.getByRole('button', { name: 'Create account' }).waitFor();
    found.push(...(await stranger.barriers()));
    expect(found).toEqual([]);
    expect([...ann.complaints, ...bob.complaints, ...stranger.complaints]).toEqual([]);
  }, 300_000);
});
