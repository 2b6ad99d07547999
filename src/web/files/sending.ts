import { CONTENT_LIMITS } from '../../protocol/content.ts';
import type { FileSource } from '../../client/files.ts';

const PREVIEW_PX_MAX = 480;
const QUALITIES = [0.7, 0.5, 0.3] as const;
const SCALES = [1, 0.6, 0.35] as const;
/** What browsers draw; SVG may hold scripts, and is a file like any other. */
const PICTURES = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;
const ANY_TYPE = 'application/octet-stream';

export function fileSourceOf(file: File): FileSource {
  return { name: cutName(file.name), mediaType: file.type === '' ? ANY_TYPE : file.type, bytes: bytesOf(file) };
}

async function* bytesOf(file: File): AsyncGenerator<Uint8Array> {
  const reader = file.stream().getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/** A small picture of a picture, as good as fits into a message; undefined where none can be made. */
export async function previewOf(file: File): Promise<{ bytes: Uint8Array; mediaType: string } | undefined> {
  if (!PICTURES.test(file.type)) return undefined;
  const picture = await createImageBitmap(file).catch(() => null);
  if (picture === null) return undefined;
  try {
    for (const scale of SCALES) {
      for (const quality of QUALITIES) {
        const drawn = await draw(picture, PREVIEW_PX_MAX * scale, quality);
        if (drawn.size > CONTENT_LIMITS.previewBytesMax) continue;
        return { bytes: new Uint8Array(await drawn.arrayBuffer()), mediaType: drawn.type };
      }
    }
    return undefined;
  } finally {
    picture.close();
  }
}

function draw(picture: ImageBitmap, sizeMax: number, quality: number): Promise<Blob> {
  const scale = Math.min(1, sizeMax / Math.max(picture.width, picture.height));
  const canvas = new OffscreenCanvas(
    Math.max(1, Math.round(picture.width * scale)),
    Math.max(1, Math.round(picture.height * scale)),
  );
  canvas.getContext('2d')!.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: 'image/webp', quality });
}

/** As long as a message has room for, with its ending. */
function cutName(name: string): string {
  const { nameBytesMax } = CONTENT_LIMITS;
  const size = (text: string): number => new TextEncoder().encode(text).length;
  if (size(name) <= nameBytesMax) return name === '' ? 'file' : name;
  const dot = name.lastIndexOf('.');
  const ending = dot > 0 && name.length - dot < 12 ? name.slice(dot) : '';
  let stem = Array.from(name.slice(0, name.length - ending.length));
  while (size(stem.join('') + ending) > nameBytesMax) stem = stem.slice(0, -1);
  return stem.join('') + ending;
}
