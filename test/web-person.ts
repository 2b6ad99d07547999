import axe from 'axe-core';
import { chromium } from 'playwright-core';
import { CHROMIUM } from '../src/testing/programs/test-programs.ts';
import { findProgram } from '../src/testing/programs/find-program.ts';
import type { Browser, BrowserContext, Page } from 'playwright-core';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'];
/** Ends what hangs; a machine under load may take its time. */
const ACTION_MS_MAX = 60_000;

/** Chromium, or null where this machine has none and none can be installed. */
export async function openChromium(): Promise<Browser | null> {
  const executablePath = await findProgram(CHROMIUM);
  return executablePath === undefined ? null : chromium.launch({ executablePath, args: FLAGS });
}

/** Somebody with a browser of their own. */
export class WebPerson {
  readonly name: string;
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the browser complained of, and scripts that failed. */
  readonly complaints: string[] = [];
  recoveryCode = '';

  private constructor(name: string, context: BrowserContext, page: Page) {
    this.name = name;
    this.context = context;
    this.page = page;
    page.setDefaultTimeout(ACTION_MS_MAX);
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy|Trusted/.test(message.text())) this.complaints.push(message.text());
    });
  }

  /** @param size of a phone, where it is given */
  static async open(
    browser: Browser,
    url: string,
    name: string,
    size = { width: 1280, height: 800 },
  ): Promise<WebPerson> {
    const context = await browser.newContext({ viewport: size, acceptDownloads: true });
    const person = new WebPerson(name, context, await context.newPage());
    await person.page.goto(url);
    return person;
  }

  static async signedUp(
    browser: Browser,
    url: string,
    name: string,
    size?: { width: number; height: number },
  ): Promise<WebPerson> {
    const person = await WebPerson.open(browser, url, name, size);
    await person.page.getByLabel('Name').fill(name);
    await person.page.getByLabel('Password', { exact: true }).fill(`the password of ${name}`);
    await person.page.getByRole('button', { name: 'Create account' }).click();
    person.recoveryCode = (await person.page.locator('output').textContent()) ?? '';
    await person.page.getByLabel('Type the last group').fill(person.recoveryCode.split('-').at(-1)!);
    await person.page.getByRole('button', { name: 'I have written it down' }).click();
    await person.isIn();
    return person;
  }

  /** The list of conversations is there. */
  async isIn(): Promise<void> {
    await this.page.getByRole('list', { name: 'Conversations' }).waitFor();
  }

  /** Opens the sheet for new conversations, at one of its tabs. */
  async begin(tab: string): Promise<void> {
    await this.page.getByRole('button', { name: 'New conversation' }).first().click();
    await this.page.getByRole('tab', { name: tab }).click();
  }

  async writeTo(name: string): Promise<void> {
    await this.page.getByRole('button', { name: 'New conversation' }).first().click();
    await this.page.getByLabel('Name of the person').fill(name);
    await this.page.getByRole('button', { name: 'Open conversation' }).click();
    await this.composer(name).waitFor();
  }

  /** From the list of conversations. */
  async open(name: string): Promise<void> {
    await this.page.getByRole('list', { name: 'Conversations' }).getByRole('link', { name }).click();
    await this.composer(name).waitFor();
  }

  composer(name: string) {
    return this.page.getByRole('textbox', { name: `Message to ${name}` });
  }

  async say(to: string, text: string): Promise<void> {
    await this.composer(to).fill(text);
    await this.composer(to).press('Enter');
  }

  /** Messages on the screen. */
  get history() {
    return this.page.getByRole('log');
  }

  async sees(text: string): Promise<void> {
    await this.history.getByText(text).first().waitFor();
  }

  /** What axe finds wrong with the screen as it is, by rule and element. */
  async barriers(): Promise<string[]> {
    // The policy of the page lets no script in that its node did not serve; the debugger may.
    const cdp = await this.context.newCDPSession(this.page);
    await cdp.send('Runtime.evaluate', { expression: axe.source });
    const expression = `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ': ' + target.join(' '))))`;
    const { result } = await cdp.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    await cdp.detach();
    return result.value as string[];
  }
}
