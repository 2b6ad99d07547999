import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeOpenRoom } from '../scripts/load/open-room.ts';
import { createPerson, tokenOf } from '../scripts/load/person.ts';
import { FeedSocket } from '../scripts/load/feed-socket.ts';
import { sealText } from '../scripts/load/sealed-texts.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { CHATD, until } from './support.ts';
import { openChromium, WebPerson } from './web-person.ts';
import type { Browser } from 'playwright-core';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';

const browser: Browser | null = await openChromium();
const PHONE = { width: 390, height: 780 };
/** As many as wanted: PARLEY_WEB_MESSAGES=50000 takes a minute longer. */
const MANY = Number(process.env['PARLEY_WEB_MESSAGES'] ?? 10_000);
/** Messages on their way at a time. */
const WINDOW = 96;
/** Far more elements than a screen and what lies beside it need, and far fewer than the room has messages. */
const ELEMENTS_MAX = 4_000;

describe.runIf(browser !== null)('rooms in the web app, in Chromium, on three nodes', () => {
  let cluster: ScratchCluster;
  let urls: string[];
  let ann: WebPerson;
  let bob: WebPerson;
  let cay: WebPerson;
  beforeAll(async () => {
    cluster = await startScratchCluster({ ...{ nodes: 3, restart: false, env: {} }, say: () => {}, chatdFile: CHATD });
    urls = cluster.layout.nodes.map(apiUrl);
    ann = await WebPerson.signedUp(browser!, urls[0]!, 'ann');
    bob = await WebPerson.signedUp(browser!, urls[1]!, 'bob');
    cay = await WebPerson.signedUp(browser!, urls[2]!, 'cay', PHONE);
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await cluster?.close();
  });

  it('makes a group, in which a member who is removed reads nothing more', async () => {
    await ann.begin('Group');
    await ann.page.getByLabel('Name of the group').fill('Garden');
    await ann.page.getByLabel('Members').fill('bob, cay');
    await ann.page.getByRole('button', { name: 'Create group' }).click();
    await ann.say('Garden', 'The crème is in the fridge');
    for (const person of [bob, cay]) {
      await person.open('Garden');
      await person.sees('The crème is in the fridge');
      await person.page.getByText('End-to-end encrypted').waitFor();
    }
    // All of the heading fits on a phone.
    const details = (await cay.page.getByRole('button', { name: 'Room details' }).boundingBox())!;
    expect(details.x + details.width).toBeLessThanOrEqual(PHONE.width);
    await ann.page.getByRole('button', { name: 'Room details' }).click();
    await ann.page.getByRole('button', { name: 'Role of cay' }).click();
    await ann.page.getByRole('menuitem', { name: 'Remove cay' }).click();
    await cay.page.getByRole('button', { name: 'Back' }).click();
    await cay.isIn();
    const list = cay.page.getByRole('list', { name: 'Conversations' });
    await list.getByRole('link', { name: 'Garden' }).waitFor({ state: 'detached' });
    await ann.say('Garden', 'only for the two of us');
    await bob.sees('only for the two of us');
    expect(await cay.page.getByText('only for the two of us').count()).toBe(0);
    expect(await ann.barriers()).toEqual([]);
  }, 300_000);

  it('shows an open room as what it is wherever it is shown', async () => {
    await ann.begin('Open rooms');
    await ann.page.getByText('not end-to-end encrypted').waitFor();
    await ann.page.getByLabel('Name of the open room').fill('Town Hall');
    await ann.page.getByRole('button', { name: 'Create open room' }).click();
    const composer = ann.page.getByPlaceholder('Write openly in Town Hall');
    await composer.fill('for everybody');
    await composer.press('Enter');
    await ann.sees('for everybody');
    await ann.page.getByText('Open room — not end-to-end encrypted').waitFor();
    expect(await ann.page.getByText('End-to-end encrypted', { exact: true }).count()).toBe(0);
    await ann.page.getByRole('link', { name: /Town Hall.*Open room/ }).waitFor();
    await bob.begin('Open rooms');
    await bob.page
      .getByRole('dialog')
      .getByRole('listitem')
      .filter({ hasText: 'Town Hall' })
      .getByRole('button', { name: 'Join' })
      .click();
    await bob.page.getByText('Open room — not end-to-end encrypted').waitFor();
    expect(await ann.barriers()).toEqual([]);
  }, 300_000);

  it('finds messages by their words, in one room and everywhere, and leads to them', async () => {
    await bob.open('Garden');
    await bob.say('Garden', 'Where is the CREME?');
    await bob.sees('Where is the CREME?');
    await bob.page.getByRole('button', { name: 'Find messages here' }).click();
    const results = bob.page.getByRole('list', { name: 'Messages that were found' });
    await bob.page.keyboard.type('creme');
    await until('both to be found', async () => (await results.getByRole('link').count()) === 2);
    expect(await results.locator('mark').allTextContents()).toEqual(['CREME', 'crème']);
    expect(await bob.barriers()).toEqual([]);
    // ↓ leads to the first and the second, Enter to the message.
    for (const key of ['ArrowDown', 'ArrowDown', 'Enter']) await bob.page.keyboard.press(key);
    await bob.page.waitForURL(/\/r\/R[^/]+\/1$/);
    await bob.sees('The crème is in the fridge');
    await bob.page.keyboard.press('Control+k');
    await bob.page.keyboard.type('everybody');
    await bob.page.keyboard.press('Enter');
    await until('nothing of before bob joined', async () => (await bob.page.getByText('Nothing found.').count()) === 1);
    await bob.page.getByLabel('Words of the message').fill('fridge');
    await results.getByRole('link', { name: /Garden/ }).waitFor();
    await ann.page.goto(urls[0]!);
    await ann.open('Garden');
    await ann.history.getByText('The crème is in the fridge').hover();
  }, 300_000);

  it('changes password, phone and recovery code in the settings', async () => {
    await ann.page.goto(`${urls[0]}/settings`);
    await ann.page.getByRole('button', { name: 'Change password' }).click();
    await ann.page.getByLabel('New password').fill('another password of ann');
    await ann.page.getByLabel('The same again').fill('another password');
    await ann.page.getByRole('alert').getByText('not the same').waitFor();
    await ann.page.getByLabel('The same again').fill('another password of ann');
    await ann.page.getByRole('button', { name: 'Save' }).last().click();
    await ann.page.getByText('Your password is set.').waitFor();
    ann.page.on('dialog', (dialog) => void dialog.accept());
    await ann.page.getByRole('button', { name: 'Make a new recovery code' }).click();
    const sheet = ann.page.getByRole('dialog', { name: 'Recovery code' });
    const code = (await sheet.locator('output').textContent()) ?? '';
    expect(code).not.toBe(ann.recoveryCode);
    await ann.page.keyboard.press('Escape');
    await sheet.getByLabel('Type the last group').fill(code.split('-').at(-1)!);
    await sheet.getByRole('button', { name: 'I have written it down' }).click();
    await ann.page.getByRole('button', { name: 'Turn on', exact: true }).click();
    const phone = ann.page.getByRole('dialog', { name: 'Code of your phone' });
    await phone.getByRole('img', { name: 'The secret as a picture' }).waitFor();
    const secret = ((await phone.locator('output').textContent()) ?? '').replaceAll(' ', '');
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    expect(await ann.barriers()).toEqual([]);
    await phone.getByLabel('Code that your phone shows').fill('000000');
    await phone.getByRole('button', { name: 'Turn on' }).click();
    await phone.getByRole('alert').waitFor();
    await phone.getByRole('button', { name: 'Close' }).click();
    const tablet = await WebPerson.open(browser!, urls[1]!, 'ann');
    await tablet.page.getByRole('tab', { name: 'Log in' }).click();
    await tablet.page.getByLabel('Name').fill('ann');
    await tablet.page.getByLabel('Password', { exact: true }).fill('another password of ann');
    const go = tablet.page.getByRole('tabpanel').getByRole('button', { name: 'Log in' });
    await go.click();
    await tablet.page.getByLabel('Recovery code').fill(code);
    await go.click();
    await tablet.isIn();
    expect(tablet.complaints).toEqual([]);
    await tablet.context.close();
  }, 300_000);

  it('reads from the right where people write so, and turns as a whole', async () => {
    await bob.open('Garden');
    await bob.say('Garden', 'שלום לכולם, مرحبا');
    await bob.sees('שלום לכולם');
    const message = bob.history.getByText('שלום לכולם').last();
    await until('the text to stand at the right', async () => {
      const [text, log] = [await message.boundingBox(), await bob.history.boundingBox()];
      return text !== null && log !== null && text.x + text.width > log.x + log.width / 2;
    });
    await bob.page.evaluate("document.documentElement.dir = 'rtl'");
    const side = (await bob.page.getByRole('navigation').boundingBox())!;
    const main = (await bob.page.getByRole('main').boundingBox())!;
    expect(side.x).toBeGreaterThanOrEqual(main.x + main.width - 1);
    const isWide = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';
    expect(await bob.page.evaluate(isWide)).toBe(false);
    expect(await bob.barriers()).toEqual([]);
    await bob.page.evaluate("document.documentElement.dir = 'ltr'");
  }, 300_000);

  it(`scrolls through a room of ${MANY} messages with few elements, and keeps the place`, async () => {
    const crier = await createPerson(urls[0]!, 'crier');
    const { room } = await makeOpenRoom(urls[0]!, crier, 'Archive of all');
    await joinFor(cay, 'Archive of all');
    await cay.page.goto('about:blank');
    await cry(urls[0]!, crier, room, MANY);
    await cay.page.goto(`${urls[2]}/r/${room}`);
    await cay.sees(`number ${MANY}`);
    const elements = (): Promise<number> => cay.page.evaluate("document.querySelectorAll('*').length");
    const counts = [await elements()];
    const scroll = (by: number): Promise<unknown> =>
      cay.page.evaluate(`document.querySelector('[role=log]').scrollBy(0, ${by})`);
    /** Where a message stands, from the upper edge of the conversation; without one, of the first that is seen. */
    const placeOf = (text: string | null): Promise<{ text: string; top: number }> =>
      cay.page.evaluate(`(() => {
        const log = document.querySelector('[role=log]');
        const edge = log.getBoundingClientRect().top;
        const places = [...log.querySelectorAll('[data-key]')].flatMap((row) => {
          const said = /number \\d+/.exec(row.textContent);
          return said === null ? [] : [{ text: said[0], top: row.getBoundingClientRect().top - edge }];
        });
        const wanted = ${JSON.stringify(text)};
        return places.find((place) => (wanted === null ? place.top >= 0 : place.text === wanted));
      })()`);
    for (let i = 0; i < 20; i++) {
      await scroll(-1_500);
      await cay.page.waitForTimeout(50);
      counts.push(await elements());
    }
    // Older messages come above what is looked at, which stays.
    const before = await placeOf(null);
    await until('more to be loaded above', async () => (await cay.page.getByText('Loading older').count()) === 0);
    const after = await placeOf(before.text);
    // The heading of the day and the name above it, which other messages have now, make less than two rows.
    expect(Math.abs(after.top - before.top)).toBeLessThan(80);
    await cay.page.goto(`${urls[2]}/r/${room}/${MANY / 2}`);
    await cay.sees(`number ${MANY / 2}`);
    for (let i = 0; i < 20; i++) {
      await scroll(i < 10 ? 1_500 : -1_500);
      counts.push(await elements());
    }
    await cay.page.getByRole('button', { name: 'To the newest' }).click();
    await cay.sees(`number ${MANY}`);
    expect(Math.max(...counts)).toBeLessThan(ELEMENTS_MAX);
    expect(cay.complaints).toEqual([]);
  }, 600_000);

  const joinFor = async (person: WebPerson, name: string): Promise<void> => {
    await person.page.goto(urls[2]!);
    await person.begin('Open rooms');
    const found = person.page.getByRole('dialog').getByRole('listitem').filter({ hasText: name });
    await found.getByRole('button', { name: 'Join' }).click();
    await person.page.getByText('Open room — not end-to-end encrypted').waitFor();
  };
});

/** Says so many things, `number 1` and on, in order. */
async function cry(
  url: string,
  crier: Awaited<ReturnType<typeof createPerson>>,
  room: string,
  count: number,
): Promise<void> {
  const token = await tokenOf(url, crier);
  const feed = await FeedSocket.connect(url, token, null, {});
  const detail = { room, rosterVersion: 0, members: [] } as unknown as Parameters<typeof sealText>[1];
  for (let from = 1; from <= count; from += WINDOW) {
    const batch = Array.from({ length: Math.min(WINDOW, count - from + 1) }, (_, i) =>
      sealText(crier, detail, `number ${from + i}`, from + i),
    );
    const outcomes = await Promise.all(batch.map(({ txnId, envelope }) => feed.send(room, txnId, envelope)));
    const failed = outcomes.find(({ kind }) => kind !== 'ok');
    if (failed !== undefined) throw new Error(JSON.stringify(failed));
  }
  feed.close();
}
