// A canvas that is drawn on with mouse, pen, finger or keyboard, with undo; the base of `draw.mjs` and `brush.mjs`.

const UNDO_STEPS = 10;
const KEY_STEP = 12; // px that an arrow key moves the brush; four times as many with Shift
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// The component has a canvas `.sheet`, a `.cursor` above it, the groups of buttons `.tools` and `.sizes`, and the
// buttons `.undo` and `.clear`.
export class Strokes {
  constructor(root) {
    this.part = (name) => root.querySelector(`.${name}`);
    const sheet = this.part('sheet');
    this.sheet = sheet.getContext('2d', { willReadFrequently: true });
    Object.assign(this, { tool: 'brush', undone: [], place: null, isDown: false });
    this.size = Number(this.part('sizes').querySelector('[aria-pressed=true]').value);
    this.choose('tool', 'tools');
    this.choose('size', 'sizes', Number);
    this.part('undo').onclick = () => this.undo();
    this.part('clear').onclick = () => this.clear();
    sheet.onpointerdown = (event) => this.press(event);
    sheet.onpointermove = (event) => this.move(event);
    sheet.onpointerup = () => this.lift();
    sheet.onpointercancel = () => this.cancel();
    sheet.onkeydown = (event) => this.pressKey(event);
    sheet.onblur = () => this.showCursor(null);
    root.onkeydown = (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'z') return;
      event.preventDefault();
      this.undo();
    };
  }

  // For subclasses: set the color and the way of drawing; after each change; after the last one of a stroke.
  setPen() {}
  changed() {}
  finished() {}

  // Buttons of which one is pressed set a field to their value.
  choose(field, group, read = String) {
    const buttons = [...this.part(group).querySelectorAll('button')];
    buttons.forEach((button) => (button.onclick = () => this.pick(field, group, read(button.value))));
    const chosen = buttons.find((button) => read(button.value) === this[field]) ?? buttons[0];
    this.pick(field, group, read(chosen.value));
  }

  pick(field, group, value) {
    this[field] = value;
    this.part(group)
      .querySelectorAll('button')
      .forEach((each) => each.setAttribute('aria-pressed', each.value === String(value)));
  }

  // A button for each color, each with a name; the group of buttons is `.colors`.
  offerColors(colors) {
    const text = JSON.stringify(colors);
    if (this.colors === text) return;
    this.colors = text;
    const buttons = colors.map(({ color, name }) => {
      const button = document.createElement('button');
      Object.assign(button, { type: 'button', value: color, title: name });
      button.style.setProperty('--color', color);
      button.setAttribute('aria-label', name);
      return button;
    });
    this.part('colors').replaceChildren(...buttons);
    this.choose('color', 'colors');
  }

  image() {
    return this.sheet.getImageData(0, 0, this.sheet.canvas.width, this.sheet.canvas.height);
  }

  remember(image = this.image()) {
    this.undone.push(image);
    if (this.undone.length > UNDO_STEPS) this.undone.shift();
    this.part('undo').disabled = false;
  }

  undo() {
    const image = this.undone.pop();
    if (!image) return;
    Object.assign(this.sheet.canvas, { width: image.width, height: image.height });
    this.sheet.putImageData(image, 0, 0);
    this.part('undo').disabled = !this.undone.length;
    this.changed();
    this.finished();
  }

  placeOf({ clientX, clientY }) {
    const box = this.sheet.canvas.getBoundingClientRect();
    const scale = this.sheet.canvas.width / box.width;
    return [(clientX - box.left) * scale, (clientY - box.top) * scale];
  }

  press(event) {
    if (event.button || !event.isPrimary) return;
    this.sheet.canvas.setPointerCapture(event.pointerId);
    this.use(this.placeOf(event));
  }

  // The tool at a place: the first dot of a line.
  use(place) {
    this.remember();
    this.place = place;
    this.lineTo(place);
  }

  move(event) {
    if (!this.place || !event.isPrimary) return;
    const events = event.getCoalescedEvents?.() ?? [];
    (events.length ? events : [event]).forEach((each) => this.lineTo(this.placeOf(each)));
  }

  lift() {
    if (!this.place) return;
    this.place = null;
    this.finished();
  }

  // The browser took the pointer, for instance to zoom with two fingers.
  cancel() {
    this.lift();
  }

  lineTo(place) {
    const { sheet } = this;
    sheet.lineWidth = this.size;
    sheet.lineCap = sheet.lineJoin = 'round';
    this.setPen();
    sheet.beginPath();
    sheet.moveTo(...this.place);
    sheet.lineTo(...place);
    sheet.stroke();
    this.place = place;
    this.changed();
  }

  // Arrow keys move the brush; the space bar puts it down or lifts it, and fills with the tool Fill.
  pressKey(event) {
    const { width, height } = this.sheet.canvas;
    this.cursor ??= [width / 2, height / 2];
    const arrow = ARROWS[event.key];
    if (arrow) {
      const step = KEY_STEP * (event.shiftKey ? 4 : 1);
      this.cursor = [
        Math.min(Math.max(this.cursor[0] + step * arrow[0], 0), width - 1),
        Math.min(Math.max(this.cursor[1] + step * arrow[1], 0), height - 1),
      ];
      if (this.isDown) this.lineTo(this.cursor);
    } else if (event.key === ' ') {
      this.isDown = !this.isDown && this.tool !== 'fill';
      if (this.isDown || this.tool === 'fill') this.use(this.cursor);
      else this.lift();
    } else return;
    event.preventDefault();
    this.showCursor(this.cursor);
  }

  showCursor(place) {
    const cursor = this.part('cursor');
    cursor.hidden = !place;
    if (!place) {
      this.isDown = false;
      this.lift();
      return;
    }
    cursor.classList.toggle('down', this.isDown);
    cursor.style.left = `${(100 * place[0]) / this.sheet.canvas.width}%`;
    cursor.style.top = `${(100 * place[1]) / this.sheet.canvas.height}%`;
  }
}
