import { parseMarkdown } from './blocks.ts';
import type { Block, Inline } from './syntax.ts';

/** A message's text on one line, as it reads without its marks. */
export function withoutMarks(text: string): string {
  return parseMarkdown(text).map(blockText).join(' ');
}

function blockText(block: Block): string {
  switch (block.is) {
    case 'code':
      return block.text;
    case 'quote':
      return block.of.map(blockText).join(' ');
    case 'list':
      return block.items.map(inlineText).join(' · ');
    case 'paragraph':
    case 'heading':
      break;
  }
  return inlineText(block.of);
}

function inlineText(nodes: readonly Inline[]): string {
  return nodes.map(nodeText).join('');
}

function nodeText(node: Inline): string {
  switch (node.is) {
    case 'text':
    case 'code':
      return node.text;
    case 'break':
      return ' ';
    case 'mention':
      return `@${node.name}`;
    case 'strong':
    case 'emphasis':
    case 'strike':
    case 'link':
      break;
  }
  return inlineText(node.of);
}
