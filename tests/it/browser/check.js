(() => {
  const found = [];
  const short = text => JSON.stringify(text.trim().slice(0, 40));
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) {
    found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  }
  const rgb = text => {
    const parts = text.match(/[\d.]+/g);
    return parts === null ? null : parts.map(Number);
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(value => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const background = element => {
    for (let at = element; at; at = at.parentElement) {
      const color = rgb(getComputedStyle(at).backgroundColor);
      if (color && (color.length < 4 || color[3] > 0)) return color;
    }
    return [255, 255, 255];
  };
  const scroller = element => element.closest('.scroll');
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || ['SCRIPT', 'STYLE', 'TITLE'].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    if (style.visibility === 'hidden' || !element.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = element instanceof SVGElement ? [element.getBoundingClientRect()] : [...range.getClientRects()];
    const drawn = boxes.filter(box => box.width > 0.5 && box.height > 0.5);
    if (drawn.length === 0) continue;
    const isSvg = element instanceof SVGElement;
    const color = rgb(isSvg ? style.fill : style.color);
    if (color) {
      const [one, other] = [luminance(color), luminance(background(element))];
      const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (ratio < 4.5) found.push(`contrast ${ratio.toFixed(2)}: ${short(node.data)}`);
    }
    for (const box of drawn) {
      if (!scroller(element) && (box.left < -0.5 || box.right > width + 0.5)) {
        found.push(`cut off at ${box.left.toFixed(0)} to ${box.right.toFixed(0)} of ${width}: ${short(node.data)}`);
      }
      texts.push({ node, box, inner: isSvg ? 1.5 : box.height * 0.2 });
    }
  }
  texts.sort((one, other) => one.box.top - other.box.top);
  for (let i = 0; i < texts.length; i++) {
    const one = texts[i];
    for (let j = i + 1; j < texts.length && texts[j].box.top < one.box.bottom; j++) {
      const other = texts[j];
      if (one.node === other.node) continue;
      const wide = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
      const high = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
      if (wide > 0.75 && high > Math.max(one.inner, other.inner)) {
        found.push(`overlap of ${short(one.node.data)} and ${short(other.node.data)}`);
      }
    }
  }
  return JSON.stringify(found);
})()
