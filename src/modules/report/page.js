"use strict";
// A map of values by time and depth: drawn by cells, moved by pointer and keys, read under the pointer or the cross.
(() => {
  const pad = { left: 62, right: 14, top: 10, bottom: 42 };
  const number = (v) => {
    if (Number.isNaN(v)) return "no data";
    const size = Math.abs(v);
    return size !== 0 && (size < 1e-3 || size >= 1e6) ? v.toExponential(4) : String(Number(v.toPrecision(6)));
  };
  const stamp = (seconds, digits) => new Date(Math.round(seconds * 1000)).toISOString().replace("T", " ").slice(0, digits);
  const round = (from, to, most) => {
    const range = to - from, power = 10 ** Math.floor(Math.log10(range / most));
    const step = [1, 2, 5, 10].map((k) => k * power).find((s) => range / s <= most);
    const marks = [];
    for (let v = Math.ceil(from / step) * step; v <= to + step * 1e-9; v += step) marks.push(v);
    return marks;
  };
  const seconds = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600,
    43200, 86400, 172800, 604800, 2419200];
  const times = (from, to, most) => {
    const step = seconds.find((s) => (to - from) / s <= most) ?? seconds[seconds.length - 1];
    const marks = [];
    for (let v = Math.ceil(from / step) * step; v <= to; v += step) marks.push(v);
    return { marks, label: (v) => (step >= 86400 ? stamp(v, 10) : stamp(v, step >= 60 ? 16 : step >= 1 ? 19 : 22).slice(11)) };
  };
  const values = (text) => {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let k = 0; k < raw.length; k++) bytes[k] = raw.charCodeAt(k);
    const view = new DataView(bytes.buffer), found = new Float32Array(bytes.length / 4);
    for (let k = 0; k < found.length; k++) found[k] = view.getFloat32(4 * k, true);
    return found;
  };

  for (const root of document.querySelectorAll(".noise-log")) {
    const about = JSON.parse(root.querySelector("script[type='application/json']").textContent);
    const canvas = root.querySelector("canvas"), readout = root.querySelector(".readout");
    const curve = root.querySelector("select.curve"), scale = root.querySelector("select.scale");
    const pen = canvas.getContext("2d");
    const { width, height, depths, times: span, colours } = about;
    const whole = { t0: span[0], t1: span[1], d0: depths[0], d1: depths[1] };
    let view = { ...whole }, data, limits, image, cross = null;

    const limit = () => {
      const shown = Array.from(data).filter((v) => Number.isFinite(v) && (scale.value !== "log" || v > 0)).sort((a, b) => a - b);
      const at = (part) => shown[Math.min(shown.length - 1, Math.max(0, Math.round(part * (shown.length - 1))))];
      let [low, high] = shown.length ? [at(0.01), at(0.99)] : [0, 1];
      if (scale.value === "log") [low, high] = [Math.log10(low), Math.log10(high)];
      if (!(high > low)) [low, high] = [low - 0.5, low + 0.5];
      limits = [low, high];
    };
    const paint = () => {
      const cells = document.createElement("canvas");
      [cells.width, cells.height] = [width, height];
      const brush = cells.getContext("2d"), pixels = brush.createImageData(width, height);
      for (let k = 0; k < data.length; k++) {
        let v = data[k], rgb = [217, 217, 217];
        if (!Number.isNaN(v)) {
          if (scale.value === "log") v = v > 0 ? Math.log10(v) : -Infinity;
          const place = Math.max(0, Math.min(255, Math.floor(((v - limits[0]) / (limits[1] - limits[0])) * 256)));
          rgb = colours[place];
        }
        pixels.data.set([rgb[0], rgb[1], rgb[2], 255], 4 * k);
      }
      brush.putImageData(pixels, 0, 0);
      image = cells;
    };
    const frame = () => {
      const w = canvas.clientWidth, h = canvas.clientHeight;
      return { x: pad.left, y: pad.top, w: Math.max(1, w - pad.left - pad.right), h: Math.max(1, h - pad.top - pad.bottom) };
    };
    const toX = (t, f) => f.x + ((t - view.t0) / (view.t1 - view.t0)) * f.w;
    const toY = (d, f) => f.y + ((d - view.d0) / (view.d1 - view.d0)) * f.h;
    const toT = (x, f) => view.t0 + ((x - f.x) / f.w) * (view.t1 - view.t0);
    const toD = (y, f) => view.d0 + ((y - f.y) / f.h) * (view.d1 - view.d0);

    const draw = () => {
      const dots = window.devicePixelRatio || 1, f = frame();
      canvas.width = Math.round(canvas.clientWidth * dots);
      canvas.height = Math.round(canvas.clientHeight * dots);
      pen.setTransform(dots, 0, 0, dots, 0, 0);
      pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
      pen.imageSmoothingEnabled = false;
      pen.save();
      pen.beginPath();
      pen.rect(f.x, f.y, f.w, f.h);
      pen.clip();
      const left = toX(whole.t0, f), top = toY(whole.d0, f);
      pen.drawImage(image, left, top, toX(whole.t1, f) - left, toY(whole.d1, f) - top);
      if (cross) {
        pen.strokeStyle = "#000";
        pen.lineWidth = 3;
        for (const style of ["#000", "#fff"]) {
          pen.strokeStyle = style;
          pen.lineWidth = style === "#000" ? 3 : 1;
          pen.beginPath();
          pen.moveTo(toX(cross.t, f), f.y);
          pen.lineTo(toX(cross.t, f), f.y + f.h);
          pen.moveTo(f.x, toY(cross.d, f));
          pen.lineTo(f.x + f.w, toY(cross.d, f));
          pen.stroke();
        }
      }
      pen.restore();
      pen.strokeStyle = pen.fillStyle = "#1b1b1b";
      pen.lineWidth = 1;
      pen.strokeRect(f.x + 0.5, f.y + 0.5, f.w - 1, f.h - 1);
      pen.font = "12px DejaVu Sans, Verdana, sans-serif";
      pen.textAlign = "right";
      pen.textBaseline = "middle";
      const [low, high] = [Math.min(view.d0, view.d1), Math.max(view.d0, view.d1)];
      for (const d of round(low, high, Math.max(2, Math.floor(f.h / 45)))) {
        const y = toY(d, f);
        pen.fillRect(f.x - 5, y - 0.5, 5, 1);
        pen.fillText(number(d), f.x - 8, y);
      }
      pen.textAlign = "center";
      pen.textBaseline = "top";
      const along = times(view.t0, view.t1, Math.max(2, Math.floor(f.w / 110)));
      for (const t of along.marks) {
        const x = toX(t, f);
        pen.fillRect(x - 0.5, f.y + f.h, 1, 5);
        pen.fillText(along.label(t), Math.min(Math.max(x, f.x + 20), f.x + f.w - 24), f.y + f.h + 8);
      }
      pen.fillText(`time on ${stamp(view.t0, 10)}, UTC`, f.x + f.w / 2, f.y + f.h + 25);
      pen.save();
      pen.translate(12, f.y + f.h / 2);
      pen.rotate(-Math.PI / 2);
      pen.textBaseline = "middle";
      pen.fillText("depth (m)", 0, 0);
      pen.restore();
    };
    const cell = (t, d) => {
      const x = Math.floor(((t - whole.t0) / (whole.t1 - whole.t0)) * width);
      const y = Math.floor(((d - whole.d0) / (whole.d1 - whole.d0)) * height);
      return x >= 0 && x < width && y >= 0 && y < height ? [x, y] : null;
    };
    const say = (t, d) => {
      const found = cell(t, d);
      if (!found) {
        readout.textContent = "";
        return;
      }
      const [x, y] = found, unit = about.curves[curve.selectedIndex].unit;
      const time = whole.t0 + (x / width) * (whole.t1 - whole.t0);
      const depth = whole.d0 + ((y + 0.5) / height) * (whole.d1 - whole.d0);
      const value = number(data[y * width + x]);
      readout.textContent = `${stamp(time, 19)} UTC, ${depth.toFixed(1)} m: ${value}${unit ? " " + unit : ""}`;
    };
    const show = () => {
      data = values(root.querySelectorAll("script.values")[curve.selectedIndex].textContent.trim());
      limit();
      paint();
      draw();
      const unlog = (v) => number(scale.value === "log" ? 10 ** v : v);
      root.querySelector(".low").textContent = unlog(limits[0]);
      root.querySelector(".high").textContent = unlog(limits[1]);
      if (cross) say(cross.t, cross.d);
    };
    const zoom = (factor, t, d) => {
      const part = (from, to, at) => [at - (at - from) * factor, at + (to - at) * factor];
      const [t0, t1] = part(view.t0, view.t1, t), [d0, d1] = part(view.d0, view.d1, d);
      const least = (whole.t1 - whole.t0) / width;
      if (t1 - t0 < 2 * least) return;
      view = t1 - t0 >= whole.t1 - whole.t0 ? { ...whole } : { t0, t1, d0, d1 };
      keep();
      draw();
    };
    const keep = () => {
      const inside = (from, to, low, high) => {
        const size = to - from, sign = high > low ? 1 : -1;
        let start = from;
        if ((start - low) * sign < 0) start = low;
        if ((start + size - high) * sign > 0) start = high - size;
        return [start, start + size];
      };
      [view.t0, view.t1] = inside(view.t0, view.t1, whole.t0, whole.t1);
      [view.d0, view.d1] = inside(view.d0, view.d1, whole.d0, whole.d1);
    };
    const place = (event) => {
      const box = canvas.getBoundingClientRect(), f = frame();
      return { t: toT(event.clientX - box.left, f), d: toD(event.clientY - box.top, f) };
    };
    let held = null;
    canvas.addEventListener("pointerdown", (event) => {
      held = { ...place(event) };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      const here = place(event);
      if (held) {
        const [dt, dd] = [held.t - here.t, held.d - here.d];
        view = { t0: view.t0 + dt, t1: view.t1 + dt, d0: view.d0 + dd, d1: view.d1 + dd };
        keep();
        draw();
      }
      say(here.t, here.d);
    });
    canvas.addEventListener("pointerup", () => (held = null));
    canvas.addEventListener("pointerleave", () => cross || (readout.textContent = ""));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const here = place(event);
      zoom(event.deltaY > 0 ? 1.25 : 0.8, here.t, here.d);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      cross ??= { t: (view.t0 + view.t1) / 2, d: (view.d0 + view.d1) / 2 };
      const cellT = (whole.t1 - whole.t0) / width, cellD = (whole.d1 - whole.d0) / height;
      const far = event.shiftKey ? 10 : 1;
      const moves = { ArrowLeft: [-cellT, 0], ArrowRight: [cellT, 0], ArrowUp: [0, -cellD], ArrowDown: [0, cellD] };
      if (moves[event.key]) {
        const [dt, dd] = moves[event.key], next = { t: cross.t + dt * far, d: cross.d + dd * far };
        if (cell(next.t, next.d)) cross = next;
        const [w, h] = [view.t1 - view.t0, view.d1 - view.d0];
        if (cross.t < view.t0 || cross.t > view.t1) [view.t0, view.t1] = [cross.t - w / 2, cross.t + w / 2];
        if ((cross.d - view.d0) * (cross.d - view.d1) > 0) [view.d0, view.d1] = [cross.d - h / 2, cross.d + h / 2];
        keep();
        draw();
      } else if (event.key === "+" || event.key === "=") zoom(0.8, cross.t, cross.d);
      else if (event.key === "-") zoom(1.25, cross.t, cross.d);
      else if (event.key === "Escape" || event.key === "0") {
        [view, cross] = [{ ...whole }, null];
        draw();
      } else return;
      event.preventDefault();
      if (cross) say(cross.t, cross.d);
    });
    root.querySelector(".whole").addEventListener("click", () => {
      [view, cross] = [{ ...whole }, null];
      draw();
    });
    curve.addEventListener("change", show);
    scale.addEventListener("change", show);
    new ResizeObserver(draw).observe(canvas);
    show();
  }
})();
