// A mask that is drawn as a tint over a photo, or several in colors; the component of `brushing.py`.

import { Strokes } from './strokes.mjs';

const WAIT_MS = 400; // after a stroke, so that several quick ones are sent together
const SIZED_FOR = 1024; // px, long side of the photo for which the sizes of the brush are given

const kept = new Map(); // masks as the visitor left them for another page of the app, by version
const brushes = new Set(); // those of the page that offer colors: they draw in the same one

class Brush extends Strokes {
  constructor(root) {
    super(root);
    this.part('swap').onclick = () => this.swap();
  }

  // Called after each run of the page's script.
  update({ data, setTriggerValue }) {
    this.send = setTriggerValue;
    if (data.colors.length) this.joinOthers(data.colors);
    if (this.version !== data.version) this.begin(data);
  }

  // Draws in the color of the other brushes of the page.
  joinOthers(colors) {
    this.color ??= [...brushes][0]?.color;
    brushes.add(this);
    this.offerColors(colors);
    this.part('colors').hidden = false;
    this.part('swap').hidden = true;
  }

  pick(field, group, value) {
    super.pick(field, group, value);
    if (field !== 'color') return;
    brushes.forEach((other) => other.color === value || other.pick(field, group, value));
  }

  // A new photo, with the mask that was left, or with the one that is given.
  async begin({ version, width, height, photo, alt, label, mask, tint }) {
    Object.assign(this, { version, tint, undone: [], place: null });
    Object.assign(this.part('photo'), { src: photo, alt });
    this.sheet.canvas.setAttribute('aria-label', label);
    this.part('desk').style.setProperty('--proportions', width / height);
    Object.assign(this.sheet.canvas, { width, height });
    const left = kept.get(version);
    kept.delete(version);
    if (left) {
      this.sheet.putImageData(left.image, 0, 0);
      this.undone = left.undone;
      if (left.isUnsent) this.finished();
    } else if (mask) {
      const image = new Image();
      image.src = mask;
      await image.decode();
      if (this.version !== version) return;
      this.sheet.drawImage(image, 0, 0, width, height);
    }
    this.part('undo').disabled = !this.undone.length;
  }

  setPen() {
    const { sheet } = this;
    sheet.strokeStyle = this.color ?? this.tint;
    sheet.globalCompositeOperation = this.tool === 'eraser' ? 'destination-out' : 'source-over';
    sheet.lineWidth = (this.size * Math.max(sheet.canvas.width, sheet.canvas.height)) / SIZED_FOR;
  }

  // Covers the sheet: with the composite operation `copy` nothing is left of the mask, with `source-out` it is inverted.
  cover(color, operation) {
    const { sheet } = this;
    this.remember();
    sheet.globalCompositeOperation = operation;
    sheet.fillStyle = color;
    sheet.fillRect(0, 0, sheet.canvas.width, sheet.canvas.height);
    this.finished();
  }

  clear() {
    this.cover('transparent', 'copy');
  }

  swap() {
    this.cover(this.tint, 'source-out');
  }

  cancel() {
    if (!this.place) return;
    this.place = null;
    this.undo();
  }

  finished() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      const picture = this.sheet.canvas.toDataURL('image/png').split(',')[1];
      this.send('mask', { version: this.version, picture });
    }, WAIT_MS);
  }

  close() {
    brushes.delete(this);
    clearTimeout(this.timer);
    kept.set(this.version, { image: this.image(), undone: this.undone, isUnsent: Boolean(this.timer) });
    this.timer = null;
  }
}

export default function (component) {
  const root = component.parentElement.querySelector('.brush');
  root.brush ??= new Brush(root);
  root.brush.update(component);
  return () => root.brush.close();
}
