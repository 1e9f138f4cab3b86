/** Common English words: the vocabulary's tokens beyond bytes. Their order is their id; append, never reorder. */
export const words: readonly string[] = `
  the be to of and a in that have it for not on with he as you do at this but his by from they we say her she or an will my one all would
  there their what so up out if about who get which go me when make can like time no just him know take people into year your good some
  could them see other than then now look only come its over think also back after use two how our work first well way even new want
  because any these give day most us is are was were been being has had did done said made went gone took taken came seen saw knew known
  got found thought told became become left felt put brought began begin kept held wrote written stood heard let meant set met ran run
  paid sat spoke lay led read grew grown lost fell sent built understood drew broke spent cut rose driven bought wore chose able above
  across act add afraid again against age ago agree air allow almost alone along already always am among amount animal another answer
  anyone anything apart apple appear area arm around arrive art ask autumn away baby bad bag ball bank base basket bath beach bean bear
  beat beautiful bed bedroom before behave behind bell below beside best better between big bird birth birthday bit bite black block blue
  board boat body bone book border born borrow both bottle bottom bowl box boy branch brave bread break breakfast breathe bridge bright
  bring brother brown brush build burn business bus busy buy cake call candle cap car card care careful carry case castle cat catch
  central century certain chair chance change cheap cheese chicken child children chocolate choice choose circle city class clever clean
  clear climb clock cloth clothes cloud cloudy close coffee coat coin cold collect color comb comfort common compare complete computer
  condition contain continue control cook cool copper corn corner correct cost count country course cover crash cross cry cup cupboard
  dance danger dark daughter deal dear decide deep deer depend desk develop dictionary differ different difficult dinner direction dirty
  discover dish dog door double down draw dream dress drink drive drop dry duck dust duty each ear early earn earth east easy eat
  education effect egg eight either electric elephant else empty end enemy engine enjoy enough enter entrance equal escape evening event
  ever every everyone exact examine example except excited exercise expect expensive explain extra extremely eye face fact fail fall false
  family famous far farm farmer fast father fault fear feed feel feet female fence few field fifteen fifth fifty fight figure fill film
  final find fine finger finish fire fish fit five fix flag flat float floor flour flower fly fold follow food foot football force foreign
  forest forever forget forgive fork form forty forward four fox free freedom freeze fresh friend friendly front fruit full fun funny
  furniture further future game garden gate general gentle gift glad glass goal goat gold goodbye grand grandfather grandmother grass gray
  great green ground group grow guard guess guest guide hair half hall hand handle happen happy hard hat head health healthy hear heart
  heat heavy height hello help hen here hide high hill history hit hobby hold hole holiday home honest hope horse hospital hot hotel hour
  house however huge human hundred hungry hurry husband ice idea ill important increase inside instead interest introduce island itself
  job join juice jump keep key kind king kitchen knee knife knock ladder lady lake lamp land language large last late lately laugh law
  lawyer lazy lead leaf learn least leave leg lemon lend length less lesson letter library lie life light line lion lip list listen little
  live lock lonely long lord lose lot love low lower luck machine main man many map mark market matter may maybe meal mean measure meat
  medicine meet member men mention method middle might mile milk million mind mine minute miss mistake mix model modern moment money
  monkey month moon more morning mother mountain mouth move much music must myself name narrow nation nature near nearly neck need needle
  neighbor neither net never news newspaper next nice night nine noble noise none nor north nose nothing notice number obey object ocean
  off offer office often oil old once open opposite orange order ourselves outside oven own page pain paint pair pan paper parent park
  part partner party pass past path pay peace pen pencil penny pepper per perfect period person petrol photograph piano pick picture piece
  pig pin pink place plane plant plastic plate play please pleased plenty pocket point polite pool popular position possible potato pour
  power present press pretty prevent price prince prison private prize probably problem produce promise proper protect provide public pull
  punish pupil push queen question quick quiet quite radio rain rainy raise reach ready real really receive record red remember remind
  remove rent repair repeat reply report rest restaurant result return rice rich ride right ring river road rock room round rubber rude
  rule ruler rush sad safe sail salt same sand save school science scissors search seat second seem sell send sentence serve seven several
  shade shadow shake shape share sharp sheep sheet shelf shine ship shirt shoe shop short should shoulder shout show sick side signal
  silence silly silver similar simple since sing single sink sister sit six size skill skin skirt sky sleep slip slow small smart smell
  smile smoke snow soap sock soft someone something sometimes son song soon sorry sound soup south space speak special speed spell spend
  spoon sport spread spring square stamp stand star start state station stay steal steam step still stomach stone stop store storm story
  strange street strong structure student study subject substance successful such sudden sugar suitable summer sun sunny support sure
  surprise sweet swim table tall taste taxi tea teach team tear telephone television tell ten tennis terrible test thank thick thin thing
  third thirty thousand thread three through throw thunder ticket tidy tie tiger tight till tin tiny tired title toast today toe together
  tomorrow tonight too tool tooth top total touch toward town train travel treat tree triangle trip trouble true trust try turn twice type
  uncle under understand unit university until usual usually vegetable very view village visit voice wait wake walk wall warm wash waste
  watch water weak wear weather wedding week weight welcome west wet wheel where while white whole why wide wife wild win wind window wine
  winter wire wise wish without woman wonder wood word world worry worst wrong yard yellow yes yesterday yet young zero
`
  .trim()
  .split(/\s+/);
