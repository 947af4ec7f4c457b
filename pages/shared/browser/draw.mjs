// A drawing that is painted at every stroke; the component of `drawing.py`.

import { LEAST_SIDE, Painter, canPaint, readRows } from './painter.mjs';
import { Strokes } from './strokes.mjs';

const PAINTED_SIDE = 384; // px, long side at which the drawing is painted
const FILL_TOLERANCE = 64; // of 255 in each channel

let kept; // the sheet as the visitor left it for another page of the app

class Drawing extends Strokes {
  constructor(root) {
    super(root);
    this.small = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    this.shown = this.part('painting').getContext('2d');
    this.color = '#1f1f1f';
    this.part('finish').onclick = () => this.finish();
    if (canPaint()) this.painter = new Painter();
    else this.say('This browser is too old to paint by itself: it has no WebAssembly with SIMD. Draw, and let the server paint.');
  }

  // Called after each run of the page's script.
  update({ data, setTriggerValue }) {
    this.send = setTriggerValue;
    this.style = { ...data, rows: readRows(data.rows) };
    this.part('painting').setAttribute('aria-label', data.alt);
    this.offerColors(data.colors);
    if (this.version !== data.sheet.version) this.begin(data.sheet);
    else this.repaint();
  }

  say(text) {
    this.part('figures').textContent = text;
  }

  // A new sheet, or the one that was left.
  async begin({ version, width, height, picture }) {
    this.version = version;
    const { canvas } = this.sheet;
    const before = canvas.dataset.isUsed && this.image();
    Object.assign(canvas, { width, height });
    canvas.dataset.isUsed = true;
    this.sheet.fillStyle = 'white';
    this.sheet.fillRect(0, 0, width, height);
    if (kept?.version === version) {
      this.sheet.putImageData(kept.image, 0, 0);
    } else if (picture) {
      const image = new Image();
      image.src = picture;
      await image.decode();
      if (this.version !== version) return;
      this.sheet.drawImage(image, 0, 0, width, height);
    }
    if (before) this.remember(before);
    this.repaint();
  }

  clear() {
    this.remember();
    this.sheet.fillStyle = 'white';
    this.sheet.fillRect(0, 0, this.sheet.canvas.width, this.sheet.canvas.height);
    this.repaint();
  }

  // The tool at a place: a fill, or the first dot of a line.
  use(place) {
    if (this.tool !== 'fill') return super.use(place);
    this.remember();
    this.fill(...place.map(Math.floor));
  }

  setPen() {
    this.sheet.strokeStyle = this.tool === 'eraser' ? 'white' : this.color;
  }

  changed() {
    this.repaint();
  }

  // Fills the area of one color around a place, row by row.
  fill(x, y) {
    const image = this.image();
    const { width, height, data } = image;
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    const target = [...data.slice(4 * (y * width + x), 4 * (y * width + x) + 3)];
    const color = [1, 3, 5].map((at) => parseInt(this.color.slice(at, at + 2), 16));
    const isFilled = new Uint8Array(width * height);
    const isTarget = (at) =>
      !isFilled[at] && target.every((value, channel) => Math.abs(data[4 * at + channel] - value) <= FILL_TOLERANCE);
    const waiting = [[x, y]];
    while (waiting.length) {
      const [column, row] = waiting.pop();
      let left = row * width + column;
      if (!isTarget(left)) continue;
      let right = left;
      while (left > row * width && isTarget(left - 1)) left--;
      while (right < (row + 1) * width - 1 && isTarget(right + 1)) right++;
      for (let at = left; at <= right; at++) isFilled[at] = 1;
      for (const next of [row - 1, row + 1]) {
        if (next < 0 || next >= height) continue;
        const shift = (next - row) * width;
        for (let at = left; at <= right; at++) {
          const isStart = isTarget(at + shift) && (at === left || !isTarget(at + shift - 1));
          if (isStart) waiting.push([at - row * width, next]);
        }
      }
    }
    // Reaches a pixel under the lines around it, whose edges are soft.
    isFilled.forEach((is, at) => {
      if (!is) return;
      const column = at % width;
      for (const shift of [0, -width, width, column ? -1 : 0, column < width - 1 ? 1 : 0]) {
        if (at + shift >= 0 && at + shift < width * height) data.set([...color, 255], 4 * (at + shift));
      }
    });
    this.sheet.putImageData(image, 0, 0);
    this.repaint();
  }

  // Paints the newest state; strokes that come meanwhile are painted together afterwards.
  async repaint() {
    this.isStale = true;
    if (this.isBusy || !this.painter) return;
    this.isBusy = true;
    while (this.isStale && this.painter) {
      this.isStale = false;
      const began = performance.now();
      const { width, height } = this.sheet.canvas;
      const scale = PAINTED_SIDE / Math.max(width, height);
      const size = [width, height].map((length) => Math.max(LEAST_SIDE, Math.round(length * scale)));
      Object.assign(this.small.canvas, { width: size[0], height: size[1] });
      this.small.imageSmoothingQuality = 'high';
      this.small.drawImage(this.sheet.canvas, 0, 0, ...size);
      try {
        const photo = this.small.getImageData(0, 0, ...size);
        const answer = await this.painter.paint(photo.data, ...size, this.style);
        Object.assign(this.shown.canvas, { width: answer.width, height: answer.height });
        this.shown.putImageData(new ImageData(answer.pixels, answer.width, answer.height), 0, 0);
        const where = answer.provider === 'webgpu' ? 'GPU' : 'processor';
        this.say(`Painted in ${(performance.now() - began).toFixed(0)} ms on this device's ${where}. ${answer.note}`);
      } catch (error) {
        this.painter?.close();
        this.painter = null;
        this.say(`This browser cannot paint: ${error.message}. Draw, and let the server paint.`);
      }
    }
    this.isBusy = false;
  }

  finish() {
    const picture = this.sheet.canvas.toDataURL('image/png').split(',')[1];
    this.send('picture', { picture, side: PAINTED_SIDE });
  }

  close() {
    kept = { version: this.version, image: this.image() };
    this.painter?.close();
    this.painter = null;
  }
}

export default function (component) {
  const root = component.parentElement.querySelector('.draw');
  root.drawing ??= new Drawing(root);
  root.drawing.update(component);
  return () => root.drawing.close();
}
