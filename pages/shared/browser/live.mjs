// The camera's pictures painted in the page; the component of `live_camera.py`.

import { LEAST_SIDE, Painter, canPaint, readRows } from './painter.mjs';

const SIDES = [128, 160, 192, 256, 320, 384, 512, 640]; // px, long side of the pictures that are painted
const FIRST_SIDE = 256;
const LEAST_RATE = 10; // pictures a second; below it the pictures get smaller
const GROWING_RATE = 15; // larger pictures are tried only if they will be painted at this rate
const SHOWN_SIDE = 960; // px, long side of the painting on the page and in recordings
const RECORDING_S = 30; // longest recording
const RECORDING_TYPES = ['video/mp4;codecs=avc1.42E01E', 'video/webm;codecs=vp9', 'video/webm;codecs=vp8'];
const JPEG_QUALITY = 0.95;
const CAMERA_PAGE = 'The page Snapshot works with any photo.';
const REASONS = {
  NotAllowedError: 'The camera was refused. Allow it by the camera symbol next to the address, then start it again.',
  NotFoundError: 'No camera was found on this device.',
  OverconstrainedError: 'No camera was found on this device.', // of WebKit
  NotReadableError: 'The camera does not answer; perhaps another program uses it.',
};

// Why the camera cannot be painted here, or nothing.
function obstacle() {
  if (!window.isSecureContext) {
    return 'Browsers give the camera only on pages whose address begins with https:// or http://localhost.';
  }
  if (!navigator.mediaDevices?.getUserMedia) return 'This browser gives pages no camera.';
  if (!canPaint()) return 'This browser is too old to paint by itself: it has no WebAssembly with SIMD.';
  return '';
}

class LiveCamera {
  constructor(root) {
    const part = (name) => root.querySelector(`.${name}`);
    Object.assign(this, { root, part, isMirrored: true, facing: 'user', side: FIRST_SIDE, run: 0 });
    this.video = part('camera');
    this.shown = part('painting').getContext('2d');
    this.small = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    this.painted = document.createElement('canvas').getContext('2d');
    part('start').onclick = () => (this.stream ? this.stop() : this.start());
    part('snapshot').onclick = () => this.takeSnapshot();
    part('record').onclick = () => this.toggleRecording();
    part('turn').onclick = () => this.turn();
    part('mirror').onclick = () => this.setMirrored(!this.isMirrored);
    part('full').onclick = () => (document.fullscreenElement ? document.exitFullscreen() : part('stage').requestFullscreen());
    part('full').hidden = !document.fullscreenEnabled;
    part('record').hidden = !this.recordingType();
    this.setMirrored(true);
    this.setRunning(false);
  }

  // Called after each run of the page's script.
  update({ data, setTriggerValue }) {
    this.style = { ...data, rows: readRows(data.rows) };
    this.send = setTriggerValue;
    this.part('painting').setAttribute('aria-label', data.alt);
    if (this.isKnown) return;
    this.isKnown = true;
    const reason = obstacle();
    this.part('start').disabled = Boolean(reason);
    if (!reason) this.warmUp();
    if (reason) this.say(`${reason} ${CAMERA_PAGE}`);
    else if (matchMedia('(prefers-reduced-motion: reduce)').matches) this.say('Press Start to see yourself painted.');
    else this.start();
  }

  // Loads runtime and network while the camera starts. A failure is reported by the first picture.
  warmUp() {
    this.painter = new Painter();
    const pixels = new Uint8ClampedArray(4 * LEAST_SIDE * LEAST_SIDE);
    this.painter.paint(pixels, LEAST_SIDE, LEAST_SIDE, this.style).catch(() => {});
  }

  say(text) {
    this.part('message').textContent = text;
    this.part('message').hidden = !text;
  }

  setRunning(isRunning) {
    this.part('start').textContent = isRunning ? 'Stop' : 'Start';
    for (const name of ['snapshot', 'record', 'turn']) this.part(name).disabled = !isRunning;
  }

  setMirrored(isMirrored) {
    this.isMirrored = isMirrored;
    this.part('mirror').setAttribute('aria-pressed', isMirrored);
  }

  async start() {
    const run = ++this.run;
    this.say('Waiting for the camera ...');
    try {
      const size = { width: { ideal: 1920 }, height: { ideal: 1080 } };
      const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: this.facing, ...size } });
      if (run !== this.run) return stream.getTracks().forEach((track) => track.stop());
      this.stream = stream;
      this.video.srcObject = stream;
      await this.video.play();
      this.say('Unpacking the brushes ...');
      this.setRunning(true);
      stream.getVideoTracks()[0].onended = () => this.stop('The camera was switched off.');
      await this.paintFrames(run);
    } catch (error) {
      if (run !== this.run) return;
      const what = this.stream ? 'This browser cannot paint' : 'The camera did not start';
      this.stop(`${REASONS[error.name] ?? `${what}: ${error.message || error.name}.`} ${CAMERA_PAGE}`);
    }
  }

  stop(reason = '') {
    this.run++;
    this.recorder?.stop();
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
    this.part('figures').textContent = '';
    this.setRunning(false);
    this.say(reason);
  }

  // One picture is painted at a time, the newest; a page in the background gets no animation frames.
  async paintFrames(run) {
    let since = performance.now();
    let count = 0;
    let spent = 0;
    while (run === this.run) {
      await new Promise(requestAnimationFrame);
      if (run !== this.run || this.video.readyState < 2) continue;
      const began = performance.now();
      const photo = this.capture();
      const answer = await this.painter.paint(photo.data, photo.width, photo.height, this.style);
      if (run !== this.run) return;
      this.show(answer);
      if (!count && !this.part('message').hidden) this.say(answer.note);
      spent += performance.now() - began;
      count++;
      const elapsed = performance.now() - since;
      if (elapsed > 1000) {
        this.report(answer, (1000 * count) / elapsed);
        this.adapt((1000 * count) / spent);
        [since, count, spent] = [performance.now(), 0, 0];
      }
    }
  }

  // The camera's picture at the size that is painted.
  capture() {
    const { videoWidth, videoHeight } = this.video;
    const scale = this.side / Math.max(videoWidth, videoHeight);
    const size = [videoWidth, videoHeight].map((length) => Math.max(LEAST_SIDE, Math.round(length * scale)));
    this.drawVideo(this.small, ...size);
    return this.small.getImageData(0, 0, ...size);
  }

  drawVideo(context, width, height) {
    setSize(context, width, height);
    context.setTransform(this.isMirrored ? -1 : 1, 0, 0, 1, this.isMirrored ? width : 0, 0);
    context.drawImage(this.video, 0, 0, width, height);
  }

  show({ pixels, width, height }) {
    setSize(this.painted, width, height);
    this.painted.putImageData(new ImageData(pixels, width, height), 0, 0);
    const scale = SHOWN_SIDE / Math.max(width, height);
    const size = [width, height].map((length) => 2 * Math.round((length * scale) / 2)); // encoders need even ones
    // A recording keeps its size.
    if (!this.recorder) setSize(this.shown, ...size);
    this.shown.imageSmoothingQuality = 'high';
    this.shown.drawImage(this.painted.canvas, 0, 0, this.shown.canvas.width, this.shown.canvas.height);
    this.seenSide = Math.max(width, height);
  }

  report({ width, height, provider }, rate) {
    const where = provider === 'webgpu' ? 'GPU' : 'processor';
    this.part('figures').textContent = `${rate.toFixed(0)} pictures a second, ${width} x ${height} px, on this device's ${where}`;
  }

  // `rate` counts painting alone, since the camera may be slower.
  adapt(rate) {
    const at = SIDES.indexOf(this.side);
    if (rate < LEAST_RATE && at > 0) {
      this.side = SIDES[at - 1];
    } else if (at + 1 < SIDES.length && rate * (this.side / SIDES[at + 1]) ** 2 > GROWING_RATE) {
      this.side = SIDES[at + 1];
    }
  }

  turn() {
    this.facing = this.facing === 'user' ? 'environment' : 'user';
    this.setMirrored(this.facing === 'user');
    this.stop();
    this.start();
  }

  // The camera's whole picture; the page paints it with strokes as large as they were seen.
  takeSnapshot() {
    const { videoWidth, videoHeight } = this.video;
    const photo = document.createElement('canvas').getContext('2d');
    this.drawVideo(photo, videoWidth, videoHeight);
    const picture = photo.canvas.toDataURL('image/jpeg', JPEG_QUALITY).split(',')[1];
    this.send('picture', { picture, side: this.seenSide ?? this.side });
  }

  recordingType() {
    if (typeof MediaRecorder !== 'function' || !HTMLCanvasElement.prototype.captureStream) return undefined;
    return RECORDING_TYPES.find((type) => MediaRecorder.isTypeSupported(type));
  }

  toggleRecording() {
    if (this.recorder) return this.recorder.stop();
    const stream = this.part('painting').captureStream();
    const recorder = new MediaRecorder(stream, { mimeType: this.recordingType(), videoBitsPerSecond: 6e6 });
    const parts = [];
    const began = performance.now();
    const showTime = () => {
      const seconds = (performance.now() - began) / 1000;
      this.part('record').textContent = `Stop recording (${seconds.toFixed(0)} s)`;
      if (seconds >= RECORDING_S && recorder.state === 'recording') recorder.stop();
    };
    const clock = setInterval(showTime, 500);
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.onstop = () => {
      clearInterval(clock);
      stream.getTracks().forEach((track) => track.stop());
      this.recorder = null;
      this.part('record').textContent = 'Record';
      this.offer(new Blob(parts, { type: recorder.mimeType.split(';')[0] }));
    };
    this.recorder = recorder;
    recorder.start();
    showTime();
  }

  offer(clip) {
    if (!this.isKnown) return; // the page was left
    this.forgetClip();
    const ending = clip.type === 'video/mp4' ? 'mp4' : 'webm';
    const link = this.part('clip');
    this.clip = link.href = URL.createObjectURL(clip);
    link.download = `live_${this.style.name}.${ending}`;
    link.textContent = `Save the recording (${ending.toUpperCase()}, ${(clip.size / 1e6).toFixed(1)} MB)`;
    link.hidden = false;
  }

  forgetClip() {
    if (this.clip) URL.revokeObjectURL(this.clip);
    this.clip = null;
  }

  close() {
    this.isKnown = false;
    this.stop();
    this.forgetClip();
    this.painter?.close();
  }
}

// Setting the size of a canvas, even to the same, empties it.
function setSize({ canvas }, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

export default function (component) {
  const root = component.parentElement.querySelector('.live');
  root.camera ??= new LiveCamera(root);
  root.camera.update(component);
  return () => root.camera.close();
}
